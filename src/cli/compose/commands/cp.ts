import { bool } from "../../flags.ts";
import { exactly } from "../../spec.ts";
import { INDEX_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Copy files out of a service's container, or into all of them",
  usage: "[OPTIONS] SERVICE:SRC_PATH DEST_PATH|-\n\tberth compose cp [OPTIONS] SRC_PATH|- SERVICE:DEST_PATH",
  arity: exactly(2),
  flags: {
    all: bool("Also copy into the containers of run"),
    archive: bool("Keep uid and gid", { short: "a" }),
    "follow-link": bool("Follow a link in the source", { short: "L" }),
    ...INDEX_FLAG,
  },
  async run({ cli, session, args: [source = "", target = ""], flags }) {
    if (source === "") throw new Error("source can not be empty");
    if (target === "") throw new Error("destination can not be empty");
    const project = await session.projectOnEngine();
    const { planCopy } = await compose();
    const { all, index } = flags;
    await session.work(project, { title: "copy" }, async (app) => {
      const plan = await planCopy(app.engine, project.name, source, target, { all, index });
      const { command } = await import("../../commands/cp.ts");
      const copy = async (
        container: { readonly id: string; readonly name: string },
        from: string,
        to: string,
      ) => {
        const id = container.name;
        const named = (path: string) => path.replace(`${container.id}:`, `${id}:`);
        const detail = `${named(from)} to ${named(to)}`;
        app.report.progress({ id, status: "working", text: "Copying", detail });
        const own = { archive: flags.archive, "follow-link": flags["follow-link"], quiet: true };
        const invocation = {
          cli,
          name: "berth compose cp",
          flags: own,
          args: [from, to],
          changed: () => true,
        };
        if (!app.dryRun) await command.run(invocation);
        app.report.progress({ id, status: "done", text: "Copied", detail });
      };
      if (plan.direction === "out") {
        await copy(plan.container, `${plan.container.id}:${plan.from}`, plan.to);
        return;
      }
      const { containers } = plan;
      if (plan.from === "-" && containers.length > 1) {
        throw new Error("standard input can be copied into one container only: say which with --index");
      }
      await Promise.all(containers.map((one) => copy(one, plan.from, `${one.id}:${plan.to}`)));
    });
  },
});
