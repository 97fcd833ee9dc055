import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Pull the images of services",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    "ignore-buildable": bool("Leave out images that can be built"),
    "ignore-pull-failures": bool("Go on where an image cannot be pulled"),
    "include-deps": bool("Also pull the images of services that these depend on"),
    "no-parallel": bool("Of no meaning any more", { hidden: true }),
    parallel: bool("Of no meaning any more", { hidden: true }),
    policy: string("When to pull, whatever the file says: missing or always", {
      complete: ["missing", "always"],
    }),
    quiet: bool("Show no progress", { short: "q" }),
  },
  async run({ session, args, flags }) {
    const { policy, quiet } = flags;
    if (policy !== "" && policy !== "missing" && policy !== "always")
      throw new Error(`invalid --policy option ${JSON.stringify(policy)}`);
    const project = await session.load({ services: args, resolveEnvironment: false });
    const { pullServices, serviceNamed } = await compose();
    const names = args.length > 0 ? args : Object.keys(project.services).sort();
    await session.work(project, { title: "pull", quiet }, (app) =>
      pullServices(
        app,
        names.map((name) => serviceNamed(project, name)),
        {
          ignoreFailures: flags["ignore-pull-failures"],
          ignoreBuildable: flags["ignore-buildable"],
          includeDependencies: flags["include-deps"],
          ...(policy !== "" && { policy }),
          quiet,
        },
      ),
    );
  },
});
