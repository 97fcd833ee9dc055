import { bool } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Wait until containers have ended, and end with the last one's exit code",
  usage: "SERVICE [SERVICE...] [OPTIONS]",
  arity: atLeast(1),
  flags: { "down-project": bool("Take the project down when the first has ended") },
  async run({ cli, session, args, flags }) {
    const project = await session.projectOnEngine();
    const { wait } = await compose();
    return session.work(project, { title: "wait" }, (app) =>
      wait(app, args, {
        downProject: flags["down-project"],
        onExit: ({ id }, exitCode) =>
          cli.line(`container ${JSON.stringify(id)} exited with status code ${exitCode}`),
      }),
    );
  },
});
