import { string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show services, what they depend on, and their networks and volumes",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: { format: string("How to draw: text or svg", { initial: "text", complete: ["text", "svg"] }) },
  async run({ cli, session, args, flags }) {
    if (flags.format !== "text" && flags.format !== "svg") {
      throw new Error(`unsupported format ${JSON.stringify(flags.format)}`);
    }
    const project = await session.load({ services: args, resolveEnvironment: false });
    const { graphSvg, graphText } = await compose();
    const text = flags.format === "svg" ? graphSvg(project) : graphText(project);
    cli.print(text.endsWith("\n") ? text : `${text}\n`);
  },
});
