import { atLeast } from "../../spec.ts";
import { TIMEOUT_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Stop containers",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: TIMEOUT_FLAG,
  async run({ session, args, flags, changed }) {
    const project = await session.projectOnEngine(args);
    const { stop } = await compose();
    const options = changed("timeout") ? { timeoutSeconds: flags.timeout } : {};
    await session.work(project, { title: "stop" }, (app) => stop(app, args, options));
  },
});
