import { bool } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { compose, INTERRUPTED, Interruption } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Bring containers up to date when files change, as develop says",
  usage: "[SERVICE...]",
  arity: atLeast(0),
  flags: {
    "no-up": bool("Do not build and start services before"),
    prune: bool("Remove images that a new build leaves without a name", { initial: true }),
    quiet: bool("Show no progress of builds"),
  },
  async run({ cli, session, args, flags }) {
    const project = await session.loadToRun(args);
    const { projectToWatch, up, watch } = await compose();
    const { quiet: quietBuild, prune } = flags;
    using interruption = new Interruption();
    const { signal } = interruption;
    if (!flags["no-up"]) {
      await session.work(projectToWatch(project), { title: "watch", quietBuild }, (app) =>
        up(app, { services: args, quietPull: quietBuild }),
      );
    }
    if (session.dryRun) return 0;
    await session.work(project, { title: "watch", quietBuild, signal }, async (app, view) => {
      view.besideOutput((text) => cli.output.warn(text));
      await using watching = await watch(app, {
        services: args,
        prune,
        build: { quiet: quietBuild },
        onEvent: ({ text }) => cli.line(text),
        onOutput: (_, bytes) => cli.print(new TextDecoder().decode(bytes)),
      });
      await watching.ended;
    });
    return signal.aborted ? INTERRUPTED : 0;
  },
});
