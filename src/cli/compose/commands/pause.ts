import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { type ComposeCommand, defineCompose } from "../spec.ts";

const command = (name: "pause" | "unpause", summary: string): { command: ComposeCommand } => ({
  command: defineCompose({
    summary,
    usage: "[SERVICE...]",
    arity: atLeast(0),
    flags: {},
    async run({ session, args }) {
      const project = await session.projectOnEngine(args);
      const operations = await compose();
      await session.work(project, { title: name }, (app) => operations[name](app, args));
    },
  }),
});

export const pause = command("pause", "Let containers stand still");
export const unpause = command("unpause", "Let paused containers go on");
