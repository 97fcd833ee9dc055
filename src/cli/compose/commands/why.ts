import { atLeast } from "../../spec.ts";
import { actionLines } from "../attached/show-plan.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show what up would do with services' containers, and which attributes make it",
  usage: "SERVICE [SERVICE...]",
  arity: atLeast(1),
  flags: {},
  async run({ cli, session, args }) {
    const project = await session.loadToRun(args);
    const { why } = await compose();
    const actions = await session.work(project, { title: "why", quiet: true }, async (app) =>
      (await Promise.all(args.map((service) => why(app, service)))).flat(),
    );
    if (session.progress === "json") cli.line(JSON.stringify(actions));
    else for (const action of actions) cli.line(actionLines(action, session.colours(1)).join("\n"));
  },
});
