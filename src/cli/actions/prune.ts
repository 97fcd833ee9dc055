import type { Filters } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { bool, cut, filter } from "../flags.ts";
import { readLine } from "../terminal/ask.ts";
import { humanSize } from "../text/units.ts";

/** What every `prune` takes. */
export const PRUNE_FLAGS = {
  filter: filter("Remove only what fulfils a condition (e.g. until=24h)", {}),
  force: bool("Do not ask", { short: "f" }),
};

/** What a `prune` removed: lines for the person, and how much room that made. */
export interface Pruned {
  readonly title: string;
  readonly lines: readonly string[];
  readonly bytes: number;
}

/** Asks before something is lost. A no ends the command without a complaint, as in Docker's client. */
export async function confirm(cli: Cli, warning: string): Promise<void> {
  cli.print(`${warning} [y/N] `);
  if ((await readLine()).trim().toLowerCase() !== "y") throw new ExitError(0);
}

/** The conditions of the command line, and those of the client's configuration that do not contradict them. */
export async function pruneFilters(cli: Cli, given: Filters): Promise<Filters> {
  const configured = (await cli.config()).pruneFilters ?? [];
  let filters = given;
  for (const text of configured) {
    const [name, value = ""] = cut(text, "=");
    const opposite = name === "label" ? "label!" : name === "label!" ? "label" : undefined;
    if (opposite !== undefined && given[opposite]?.includes(value)) continue;
    filters = { ...filters, [name]: [...(filters[name] ?? []), value] };
  }
  return filters;
}

export function printPruned(cli: Cli, { title, lines }: Pruned): void {
  if (lines.length > 0) cli.line(`${title}\n${lines.map((line) => `${line}\n`).join("")}`);
}

export function printReclaimed(cli: Cli, bytes: number): void {
  cli.line(`Total reclaimed space: ${humanSize(bytes)}`);
}
