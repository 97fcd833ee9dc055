import { atLeast } from "../../spec.ts";
import { CREATE_FLAGS, createOptions } from "../create-flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Make containers, and leave them unstarted",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: CREATE_FLAGS,
  async run({ session, args, flags, changed }) {
    const project = await session.loadToRun(args);
    const options = createOptions(session, flags, changed);
    const { create } = await compose();
    await session.work(project, { title: "create" }, (app) => create(app, { ...options, services: args }));
  },
});
