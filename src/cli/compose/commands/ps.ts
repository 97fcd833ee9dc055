import { bool, cut, string } from "../../flags.ts";
import { FORMAT_HELP } from "../../show/format-help.ts";
import { atLeast } from "../../spec.ts";
import { array } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

const STATES = ["paused", "restarting", "removing", "running", "dead", "created", "exited"];

export const command = defineCompose({
  summary: "List containers",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    all: bool("Also show containers that do not run, and those of run", { short: "a" }),
    filter: string("Show only what fulfils a condition (status=exited)"),
    format: string(FORMAT_HELP, { initial: "table" }),
    "no-trunc": bool("Don't shorten what is long"),
    orphans: bool("Also show containers of services that the files do not have", { initial: true }),
    quiet: bool("Only print ids", { short: "q" }),
    services: bool("Print the services' names"),
    status: { ...array(`Show only containers in a state (${STATES.join(", ")})`), complete: STATES },
  },
  async run({ cli, session, args, flags, changed }) {
    const states = [...flags.status, ...statesOf(flags.filter)];
    const { name, project } = await session.find(args);
    const { observe } = await compose();
    const known = Object.keys(project?.services ?? {});
    if (project !== undefined) observe.checkServices(args, known);
    const services = args.length === 0 && project !== undefined && !flags.orphans ? known : args;
    const all = flags.all || states.length > 0;
    const listed = observe.ps(await session.engine(), name, {
      all,
      oneOff: all ? "include" : "exclude",
      services,
    });
    const [{ serviceContainerFormat, serviceContainerList }, { printList }] = await Promise.all([
      import("../lists/containers.ts"),
      import("../../show/format.ts"),
    ]);
    const containers = (await listed).filter(
      ({ summary }) => states.length === 0 || states.includes(summary.State),
    );
    if (flags.quiet) {
      cli.print(containers.map(({ summary }) => `${summary.Id}\n`).join(""));
      return;
    }
    if (flags.services) {
      cli.line([...new Set(containers.map(({ service }) => service))].join("\n"));
      return;
    }
    const format = changed("format") ? flags.format : ((await cli.config()).psFormat ?? "");
    await printList(
      cli,
      serviceContainerList(!flags["no-trunc"]),
      serviceContainerFormat(format),
      containers,
    );
  },
});

function statesOf(filter: string): string[] {
  if (filter === "") return [];
  const [key, value] = cut(filter, "=");
  if (value === undefined) throw new Error("arguments to --filter should be in form KEY=VAL");
  if (key !== "status") throw new Error(`unknown filter ${key}`);
  return [value];
}
