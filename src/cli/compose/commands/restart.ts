import { bool } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { TIMEOUT_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Restart containers",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    "no-deps": bool("Leave services alone that are to be restarted with these"),
    ...TIMEOUT_FLAG,
  },
  async run({ session, args, flags, changed }) {
    // Not narrowed to the services: those that depend on them may have to be restarted, too.
    const project = await session.projectOnEngine();
    const { restart } = await compose();
    await session.work(project, { title: "restart" }, (app) =>
      restart(app, args, {
        noDeps: flags["no-deps"],
        ...(changed("timeout") && { timeoutSeconds: flags.timeout }),
      }),
    );
  },
});
