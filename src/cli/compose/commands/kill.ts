import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Send containers a signal, SIGKILL unless told",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    "remove-orphans": bool("Remove containers of services that the files do not have"),
    signal: string("Signal to send", { short: "s", initial: "SIGKILL", complete: "signals" }),
  },
  async run({ cli, session, args, flags, changed }) {
    const project = await session.projectOnEngine(args);
    const { kill, observe } = await compose();
    const running = await observe.projectContainers(await session.engine(), project.name, { services: args });
    if (running.length === 0) {
      cli.note("No container to kill");
      return;
    }
    const removeOrphans = changed("remove-orphans")
      ? flags["remove-orphans"]
      : session.isSet("COMPOSE_REMOVE_ORPHANS");
    await session.work(project, { title: "kill" }, (app) =>
      kill(app, args, { signalName: flags.signal, removeOrphans }),
    );
  },
});
