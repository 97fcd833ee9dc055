import type { Cli } from "../cli.ts";
import type { Completion, Flag, Flags } from "../flags.ts";
import { GLOBAL_FLAGS } from "../globals.ts";
import type { Command } from "../spec.ts";
import { COMMANDS, findIn, isGroup, type Leaf, type Nested, type NestedLeaf, type Node } from "../tree.ts";
import { namesFor } from "./names.ts";

/** What a word may become. */
export interface Candidate {
  readonly text: string;
  readonly description?: string;
}

export interface Completed {
  readonly candidates: readonly Candidate[];
  /** Names of files fit here. */
  readonly files: boolean;
}

const NOTHING: Completed = { candidates: [], files: false };

/** What the last of these words may become; the others stand before it on the command line. */
export async function complete(cli: Cli, words: readonly string[]): Promise<Completed> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const root = scan(before, GLOBAL_FLAGS, true);
  if (root.pending !== undefined) return valuesOf(cli, root.pending, current, "");
  const [name, ...rest] = root.args;
  if (name === undefined)
    return current.startsWith("-") ? flagsOf(cli, GLOBAL_FLAGS, current) : commandsAndPlugins(cli, current);
  const node = findIn(COMMANDS, name);
  if (node === undefined) return name === "help" ? commandsIn(COMMANDS, current) : NOTHING;
  if (!isGroup(node) && node.nested !== undefined)
    return completeNested(cli, node, await node.nested(), rest, current);
  if (!isGroup(node)) return completeCommand(cli, (await node.load()).command, rest, current);
  const [child, ...childRest] = rest;
  if (child === undefined) return commandsIn(node.commands, current);
  const leaf = findIn(node.commands, child);
  return leaf === undefined ? NOTHING : completeCommand(cli, (await leaf.load()).command, childRest, current);
}

/** Behind `compose`: its flags, its commands, and what belongs to one of these. */
async function completeNested(
  cli: Cli,
  leaf: Leaf,
  nested: Nested,
  words: readonly string[],
  current: string,
): Promise<Completed> {
  const { flags } = (await leaf.load()).command;
  const { pending, args } = scan(words, flags, true);
  if (pending !== undefined) return valuesOf(cli, pending, current, "");
  const [name, ...rest] = args;
  if (name === undefined)
    return current.startsWith("-") ? flagsOf(cli, flags, current) : commandsIn(nested.commands, current);
  if (!Object.hasOwn(nested.commands, name)) return NOTHING;
  const { command } = await nested.commands[name]!.load();
  const names = current.startsWith("-") ? [] : await nested.argumentNames(cli, words);
  return completeCommand(
    cli,
    { ...command, complete: names.length > 0 ? names : command.complete },
    rest,
    current,
  );
}

/** Our commands, and programs that are commands of Docker's client; what is ours wins. */
async function commandsAndPlugins(cli: Cli, current: string): Promise<Completed> {
  const own = await commandsIn(COMMANDS, current);
  const { pluginFolders, pluginPaths } = await import("../plugins/find.ts");
  const found = pluginPaths(pluginFolders(cli.configDirectory, await cli.config())).keys();
  const plugins = [...found].filter(
    (name) => name.startsWith(current) && findIn(COMMANDS, name) === undefined,
  );
  return { ...own, candidates: [...own.candidates, ...plugins.sort().map((text) => ({ text }))] };
}

async function commandsIn(
  commands: Readonly<Record<string, Node | NestedLeaf>>,
  current: string,
): Promise<Completed> {
  const fitting = Object.entries(commands).filter(
    ([name, node]) => name.startsWith(current) && (isGroup(node) || node.hidden !== true),
  );
  const candidates = fitting.map(async ([text, node]) => ({
    text,
    description: isGroup(node) ? node.summary : (await node.load()).command.summary,
  }));
  return { candidates: await Promise.all(candidates), files: false };
}

async function completeCommand(
  cli: Cli,
  command: Omit<Command, "run" | "arity">,
  before: readonly string[],
  current: string,
): Promise<Completed> {
  const { pending, args, flagsEnded } = scan(before, command.flags, command.stopAtFirstArgument ?? false);
  if (pending !== undefined) return valuesOf(cli, pending, current, "");
  if (current.startsWith("-") && !flagsEnded) return flagsOf(cli, command.flags, current);
  // What follows the first argument of `run` or `exec` are files of the container.
  if (command.stopAtFirstArgument && args.length > 0) return NOTHING;
  return byKind(cli, command.complete, current, "", new Set(args));
}

interface Scanned {
  /** The last word was a flag that still needs its value. */
  readonly pending: Flag | undefined;
  readonly args: readonly string[];
  readonly flagsEnded: boolean;
}

/** Reads the words that are complete, without minding mistakes. */
function scan(words: readonly string[], flags: Flags, stop: boolean): Scanned {
  const args: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--")
      return { pending: undefined, args: [...args, ...words.slice(at + 1)], flagsEnded: true };
    if (!word.startsWith("-") || word === "-") {
      args.push(word);
      if (stop) return { pending: undefined, args: [...args, ...words.slice(at + 1)], flagsEnded: true };
      continue;
    }
    const flag = wantsNextWord(word, flags);
    if (flag === undefined) continue;
    if (at + 1 === words.length) return { pending: flag, args, flagsEnded: false };
    at++;
  }
  return { pending: undefined, args, flagsEnded: false };
}

/** The flag of this word that takes the word behind it as its value. */
function wantsNextWord(word: string, flags: Flags): Flag | undefined {
  if (word.includes("=")) return undefined;
  if (word.startsWith("--")) {
    const flag = flags[word.slice(2)];
    return flag?.isSwitch ? undefined : flag;
  }
  const letters = [...word.slice(1)];
  for (const [index, letter] of letters.entries()) {
    const flag = Object.values(flags).find(({ short }) => short === letter);
    if (flag === undefined) return undefined;
    if (!flag.isSwitch) return index === letters.length - 1 ? flag : undefined;
  }
  return undefined;
}

async function flagsOf(cli: Cli, flags: Flags, current: string): Promise<Completed> {
  const equals = current.indexOf("=");
  if (equals > 0) {
    const flag = flags[current.slice(2, equals)];
    return flag === undefined
      ? NOTHING
      : valuesOf(cli, flag, current.slice(equals + 1), current.slice(0, equals + 1));
  }
  const long = Object.entries(flags)
    .filter(([, { hidden }]) => hidden !== true)
    .map(([name, { description }]) => ({ text: `--${name}`, description: description.split("\n")[0]! }));
  const all = [...long, { text: "--help", description: "Show help" }];
  return { candidates: all.filter(({ text }) => text.startsWith(current)), files: false };
}

function valuesOf(cli: Cli, flag: Flag, current: string, prefix: string): Promise<Completed> {
  return byKind(cli, flag.isSwitch ? ["true", "false"] : flag.complete, current, prefix, new Set());
}

async function byKind(
  cli: Cli,
  kind: Completion | undefined,
  current: string,
  prefix: string,
  used: ReadonlySet<string>,
): Promise<Completed> {
  if (kind === "files") return { candidates: [], files: true };
  if (kind === undefined) return NOTHING;
  const names = typeof kind === "string" ? await namesFor(cli, kind) : kind;
  const fitting = names.filter((name) => name.startsWith(current) && !used.has(name));
  return { candidates: fitting.map((name) => ({ text: prefix + name })), files: false };
}
