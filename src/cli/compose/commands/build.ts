import { bool, bytes, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { array } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Build the images of services",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    "build-arg": array("Set a variable of the builds"),
    builder: string("Another builder, of which berth has none"),
    check: bool("Only check the Dockerfiles"),
    compress: bool("Of no meaning any more", { hidden: true }),
    "force-rm": bool("Of no meaning any more", { hidden: true }),
    memory: bytes("Limit of memory, which builds do not have", { short: "m" }),
    "no-cache": bool("Use nothing of former builds"),
    "no-rm": bool("Of no meaning any more", { hidden: true }),
    parallel: bool("Of no meaning any more", { hidden: true }),
    print: bool("Print the builds as a file for docker buildx bake"),
    progress: string("The global flag of that name counts", { hidden: true }),
    provenance: string("Keep with the images how they came about"),
    pull: bool("Look for newer versions of the images used"),
    push: bool("Push the images to their registries"),
    quiet: bool("Show no progress", { short: "q" }),
    sbom: string("Keep with the images what is in them"),
    ssh: string("Give the steps an ssh agent (default|name=socket|key)"),
    "with-dependencies": bool("Also build the images of services that these depend on"),
  },
  async run({ cli, session, args, flags, changed }) {
    if (flags.builder !== "" && flags.builder !== "default")
      throw new Error(`no builder ${JSON.stringify(flags.builder)} found`);
    const ssh = changed("ssh") && flags.ssh === "" ? "default" : flags.ssh;
    if (ssh !== "" && ssh !== "default" && !ssh.includes("="))
      throw new Error(`invalid ssh key ${JSON.stringify(ssh)}`);
    // An image may start from those of services that are not asked for.
    const project = await session.load({ allResources: true, resolveEnvironment: false });
    const { buildServices, checkBuilds, printBuilds, serviceNamed } = await compose();
    const names = args.length > 0 ? args : Object.keys(project.services).sort();
    const services = names.map((name) => serviceNamed(project, name));
    const options = {
      noCache: flags["no-cache"],
      pull: flags.pull,
      push: flags.push,
      quiet: flags.quiet,
      args: flags["build-arg"],
      ...(flags.memory !== 0 && { memoryBytes: flags.memory }),
      ...(ssh !== "" && { ssh }),
      ...(flags.provenance !== "" && { provenance: flags.provenance }),
      ...(flags.sbom !== "" && { sbom: flags.sbom }),
      withDependencies: flags["with-dependencies"],
    };
    const quiet = flags.quiet || flags.print || flags.check;
    await session.work(project, { title: "build", quiet }, async (app) => {
      if (flags.print) {
        cli.line(printBuilds(app, services, options));
        return;
      }
      if (!flags.check) {
        await buildServices(app, services, options);
        return;
      }
      const found = await checkBuilds(app, services, options);
      const { checkReport } = await import("../../build/check-report.ts");
      for (const [service, warnings] of found) cli.print(`${service}: ${checkReport(warnings)}`);
    });
  },
});
