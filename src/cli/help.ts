import type { Cli } from "./cli.ts";
import type { Flag, Flags } from "./flags.ts";
import { GLOBAL_FLAGS } from "./globals.ts";
import type { Plugin } from "./plugins/find.ts";
import { wrap } from "./show/wrap.ts";
import type { Command } from "./spec.ts";
import { terminalSize } from "./terminal/tty.ts";
import { COMMANDS, type Group, isGroup, type Leaf, type Node, spellings } from "./tree.ts";

/** The commands that a newcomer needs first, in the order of help. */
const COMMON = [
  "run",
  "exec",
  "ps",
  "build",
  "pull",
  "push",
  "images",
  "login",
  "logout",
  "search",
  "version",
  "info",
];

/** Where help breaks its lines: at the terminal's width, within reason. */
export function helpWidth(env: Readonly<Record<string, string | undefined>>): number {
  const columns = Number(env["COLUMNS"]) || terminalSize().columns || 80;
  return Math.min(120, Math.max(60, columns));
}

/** `berth --help`. */
export async function rootHelp(width: number, plugins: readonly Plugin[] = []): Promise<string> {
  const entries = Object.entries(COMMANDS).filter(([, node]) => isGroup(node) || !node.hidden);
  const groups = entries.filter(([, node]) => isGroup(node));
  const others = entries.filter(([name, node]) => !isGroup(node) && !COMMON.includes(name));
  const common = COMMON.map((name): [string, Node] => [name, COMMANDS[name]!]);
  return [
    "Usage:  berth [OPTIONS] COMMAND",
    "Run, build and look after containers",
    await commandList("Common Commands", common),
    await commandList("Management Commands", groups, pluginLines(plugins)),
    await commandList("Commands", others, [["daemon", "Run the engine itself"]]),
    ...brokenPlugins(plugins),
    flagList("Global Options", GLOBAL_FLAGS, width),
    "Run 'berth COMMAND --help' for more information on a command.",
  ].join("\n\n");
}

/** As Docker's client marks them: what we have ourselves is not theirs. */
function pluginLines(plugins: readonly Plugin[]): [string, string][] {
  return plugins.flatMap(({ name, metadata }) =>
    metadata === undefined || Object.hasOwn(COMMANDS, name)
      ? []
      : [[`${name}*`, metadata.ShortDescription ?? ""] as [string, string]],
  );
}

function brokenPlugins(plugins: readonly Plugin[]): string[] {
  const lines = plugins.flatMap(({ name, complaint }) =>
    complaint === undefined ? [] : `  ${name.padEnd(11)} ${complaint}`,
  );
  return lines.length === 0 ? [] : [`Invalid Plugins:\n${lines.join("\n")}`];
}

/** `berth container --help`. */
export async function groupHelp(name: string, group: Group): Promise<string> {
  return [
    `Usage:  berth ${name} COMMAND`,
    group.summary,
    await commandList(
      "Commands",
      Object.entries(group.commands).filter(([, { hidden }]) => hidden !== true),
    ),
    `Run 'berth ${name} COMMAND --help' for more information on a command.`,
  ].join("\n\n");
}

/** `berth run --help`. */
export function commandHelp(name: string, leaf: Leaf, command: Command, width: number): string {
  const names = spellings(leaf).map((each) => `berth ${each}`);
  return [
    usageLine(name, command),
    command.description ?? command.summary,
    ...(names.length > 1 ? [`Aliases:\n  ${names.join(", ")}`] : []),
    ...(Object.values(command.flags).some(isShown) ? [flagList("Options", command.flags, width)] : []),
  ].join("\n\n");
}

export function usageLine(name: string, command: Command): string {
  return `Usage:  ${name}${command.usage === "" ? "" : ` ${command.usage}`}`;
}

async function commandList(
  title: string,
  entries: readonly (readonly [string, Node])[],
  more: readonly (readonly [string, string])[] = [],
): Promise<string> {
  const summaries = entries.map(
    async ([name, node]): Promise<[string, string]> => [name, await summaryOf(node)],
  );
  const lines = [...(await Promise.all(summaries)), ...more].sort(([a], [b]) => compare(title, a, b));
  return `${title}:\n${lines.map(([name, summary]) => `  ${name.padEnd(11)} ${summary}`).join("\n")}`;
}

/** Common commands keep their order. */
function compare(title: string, a: string, b: string): number {
  if (title.startsWith("Common")) return 0;
  return a < b ? -1 : 1;
}

async function summaryOf(node: Node): Promise<string> {
  return isGroup(node) ? node.summary : (await node.load()).command.summary;
}

function isShown(flag: Flag): boolean {
  return flag.hidden !== true;
}

/** `  -a, --all        Show …`, wrapped at the width. */
export function flagList(title: string, flags: Flags, width: number): string {
  const shown = Object.entries(flags)
    .filter(([, flag]) => isShown(flag))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const heads = shown.map(([name, flag]) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    return `  ${short}--${name}${flag.type === "" ? "" : ` ${flag.type}`}`;
  });
  const indent = Math.max(...heads.map((head) => head.length)) + 3;
  const lines = shown.map(([, flag], index) => {
    const note = flag.shownDefault === undefined ? "" : ` (default ${flag.shownDefault})`;
    const windows = flag.windows ? " (Windows only)" : "";
    const text = wrap(flag.description + windows + note, Math.max(24, width - indent));
    return heads[index]!.padEnd(indent) + text.join(`\n${" ".repeat(indent)}`);
  });
  return `${title}:\n${lines.join("\n")}`;
}

/** Prints a help text. */
export function showHelp(cli: Cli, text: string): void {
  cli.line(text);
}
