import { bool } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { confirm } from "../create-flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Remove stopped containers",
  description:
    "Remove stopped containers. What they wrote is lost, but for what is in volumes; their anonymous volumes are kept, unless -v is given.",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    all: bool("Of no meaning any more", { short: "a", hidden: true }),
    force: bool("Do not ask", { short: "f" }),
    stop: bool("Stop containers that run before", { short: "s" }),
    volumes: bool("Also remove the containers' anonymous volumes", { short: "v" }),
  },
  async run({ cli, session, args, flags }) {
    const project = await session.projectOnEngine(args);
    const { remove } = await compose();
    let isRefused = false;
    const removed = await session.work(project, { title: "rm" }, (app, view) =>
      remove(app, args, {
        stop: flags.stop,
        volumes: flags.volumes,
        async confirm(names) {
          const question = `Going to remove ${names.join(", ")}`;
          if (flags.force || session.dryRun) {
            cli.line(question);
            return true;
          }
          view.finish();
          const isWanted = await confirm(session, question, false);
          isRefused = !isWanted;
          return isWanted;
        },
      }),
    );
    if (removed.length === 0 && !isRefused) cli.note("No stopped containers");
  },
});
