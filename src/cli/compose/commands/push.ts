import { bool } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Push the images of services",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    "ignore-push-failures": bool("Go on where an image cannot be pushed"),
    "include-deps": bool("Also push the images of services that these depend on"),
    quiet: bool("Show no progress", { short: "q" }),
  },
  async run({ session, args, flags }) {
    const { quiet } = flags;
    const project = await session.load({ services: args, resolveEnvironment: false });
    const { pushServices, serviceNamed } = await compose();
    const isAll = args.length === 0 || flags["include-deps"];
    const names = isAll ? Object.keys(project.services).sort() : args;
    await session.work(project, { title: "push", quiet }, (app) =>
      pushServices(
        app,
        names.map((name) => serviceNamed(project, name)),
        { ignoreFailures: flags["ignore-push-failures"], quiet },
      ),
    );
  },
});
