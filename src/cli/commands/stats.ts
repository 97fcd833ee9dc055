import { showStats } from "../actions/show-stats.ts";
import { StatsCollector } from "../actions/stats-collector.ts";
import { bool, string } from "../flags.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Show what containers use, as it changes",
  usage: "[OPTIONS] [CONTAINER...]",
  arity: atLeast(0),
  complete: "containers",
  flags: {
    all: bool("Also show containers that do not run", { short: "a" }),
    format: string(FORMAT_HELP),
    "no-stream": bool("Show one sample and end"),
    "no-trunc": bool("Don't shorten what is long"),
  },
  async run({ cli, args, flags }) {
    const stream = !flags["no-stream"];
    const collector = new StatsCollector(await cli.engine(), { stream, all: flags.all });
    await collector.collect(args);
    await showStats(cli, collector, { stream, format: flags.format, short: !flags["no-trunc"] });
  },
});
