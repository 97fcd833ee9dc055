import type { Cli } from "../cli.ts";
import { STATS_TABLE, statsList } from "../lists/stats.ts";
import { renderList } from "../show/format.ts";
import { isTerminal } from "../terminal/tty.ts";
import type { StatsCollector } from "./stats-collector.ts";

const REDRAW_MS = 500;

export interface ShowStatsOptions {
  readonly stream: boolean;
  /** Empty: as the configuration says, else the usual table. */
  readonly format: string;
  /** Cut ids to what fits. */
  readonly short: boolean;
}

/** Shows what containers use: once, or as it changes until there is none left to watch. */
export async function showStats(
  cli: Cli,
  collector: StatsCollector,
  { stream, format: given, short }: ShowStatsOptions,
): Promise<void> {
  const format = given || ((await cli.config()).statsFormat ?? "") || "table";
  const draw = async () => {
    const shown = format === "table" ? STATS_TABLE : format;
    const text = await renderList(statsList(short), shown, collector.samples());
    // A stream of YAML is one of documents.
    if (stream && format === "yaml") cli.print(`---\n${text}`);
    else cli.print(stream && isTerminal(1) ? onScreen(text) : text);
  };
  await draw();
  if (!stream) return;
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
