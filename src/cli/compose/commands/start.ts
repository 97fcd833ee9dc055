import { bool, int } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Start containers that are there",
  usage: "[SERVICE...]",
  arity: atLeast(0),
  flags: {
    wait: bool("Wait until they run, or are healthy where that is checked"),
    "wait-timeout": int("Seconds to wait at most"),
  },
  async run({ session, args, flags }) {
    const project = await session.projectOnEngine(args);
    if (Object.keys(project.services).length === 0)
      throw new Error(`no container found for project ${JSON.stringify(project.name)}: not found`);
    const { start } = await compose();
    const { wait, "wait-timeout": seconds } = flags;
    await session.work(project, { title: "start" }, (app) =>
      start(app, args, { wait, ...(seconds > 0 && { waitTimeoutSeconds: seconds }) }),
    );
  },
});
