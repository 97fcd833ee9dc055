import { bool, string } from "../../flags.ts";
import { FORMAT_HELP } from "../../show/format-help.ts";
import { between } from "../../spec.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show what containers use, as it changes",
  usage: "[OPTIONS] [SERVICE]",
  arity: between(0, 1),
  flags: {
    all: bool("Also show containers that do not run", { short: "a" }),
    format: string(FORMAT_HELP),
    "no-stream": bool("Show one sample and end"),
    "no-trunc": bool("Don't shorten what is long"),
  },
  async run({ cli, session, args, flags }) {
    const project = await session.projectName();
    const { LABEL } = await compose();
    const labels = [`${LABEL.project}=${project}`, ...args.map((service) => `${LABEL.service}=${service}`)];
    const [{ StatsCollector }, { showStats }] = await Promise.all([
      import("../../actions/stats-collector.ts"),
      import("../../actions/show-stats.ts"),
    ]);
    const stream = !flags["no-stream"];
    const collector = new StatsCollector(await session.engine(), { stream, all: flags.all, labels });
    await collector.collect([]);
    await showStats(cli, collector, { stream, format: flags.format, short: !flags["no-trunc"] });
  },
});
