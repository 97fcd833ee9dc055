import type { Cli } from "../cli.ts";
import { isTerminal } from "../terminal/tty.ts";
import { suggestions } from "../text/suggest.ts";
import { HINT_RULES } from "./rules.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether somebody reads: what programs read has Docker's words and nothing else. Docker's variable switches hints off;
 * ours, set to 1, on.
 */
export function wantsHints(env: Environment): boolean {
  if (env["DOCKER_CLI_HINTS"] === "false") return false;
  return env["BERTH_HINTS"] === "1" || isTerminal(2);
}

/** What to do about a message; nothing where nobody knows. */
export function hintsFor(message: string): string[] {
  for (const { pattern, hints } of HINT_RULES) {
    const match = pattern.exec(message);
    if (match === null) continue;
    return hints.map((hint) => hint.replaceAll(/\$(\d)/g, (_, group: string) => plain(match[Number(group)])));
  }
  return [];
}

/** What an engine says is not typed into a shell as it is. */
function plain(word: string | undefined): string {
  return word !== undefined && /^[\w./:@-]+$/.test(word) ? word : "NAME";
}

/** Flags near to one that is none. */
export function nearFlags(message: string, flags: readonly string[]): string[] {
  const [, wanted] = /^unknown flag: --([\w-]+)/.exec(message) ?? [];
  const near = wanted === undefined ? [] : suggestions(wanted, flags);
  return near.length === 0 ? [] : [`did you mean ${near.map((flag) => `--${flag}`).join(" or ")}?`];
}

const MISSING = /No such (container|object): (\S+)/;
/** How long an engine may take over a hint. */
const NAMES_TIMEOUT_MS = 1_000;

/** Containers whose names are near to one that is not there. */
export async function nearNames(cli: Cli, message: string): Promise<string[]> {
  const [, , wanted] = MISSING.exec(message) ?? [];
  if (wanted === undefined) return [];
  try {
    const signal = AbortSignal.timeout(NAMES_TIMEOUT_MS);
    const containers = await (await cli.engine()).containers.list({ all: true, signal });
    const near = suggestions(
      wanted,
      containers.flatMap(({ Names }) => Names.map((name) => name.slice(1))),
    );
    return near.length === 0
      ? ["what there is: berth ps -a"]
      : [`did you mean ${near.map(plain).join(" or ")}?`];
  } catch {
    return [];
  }
}
