import { StatsCollector } from "../actions/stats-collector.ts";
import type { Cli } from "../cli.ts";
import { bool, string } from "../flags.ts";
import { STATS_TABLE, statsList } from "../lists/stats.ts";
import { renderList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { isTerminal } from "../terminal/tty.ts";

const REDRAW_MS = 500;

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
    const format = flags.format || ((await cli.config()).statsFormat ?? "") || "table";
    const stream = !flags["no-stream"];
    const collector = new StatsCollector(await cli.engine(), { stream, all: flags.all });
    await collector.collect(args);
    const draw = async () => {
      const text = await renderList(
        statsList(!flags["no-trunc"]),
        format === "table" ? STATS_TABLE : format,
        collector.samples(),
      );
      cli.print(stream && isTerminal(1) ? onScreen(text) : text);
    };
    await draw();
    if (stream) await redraw(cli, collector, draw);
  },
});

async function redraw(cli: Cli, collector: StatsCollector, draw: () => Promise<void>): Promise<void> {
  while (!collector.isOver()) {
    await Bun.sleep(REDRAW_MS);
    await draw();
  }
  cli.debug("no container is watched any more");
}

/** Drawn over what was there: from the top left, each line's rest erased, and the rest of the screen. */
function onScreen(text: string): string {
  return `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J`;
}
