import { connect } from "./actions/connect.ts";
import { Cli } from "./cli.ts";
import { describeError, ExitError } from "./errors.ts";
import type { Values } from "./flags.ts";
import { GLOBAL_FLAGS, readGlobals } from "./globals.ts";
import { FlagError, type Parsed, parseArguments } from "./parse.ts";
import type { Arity, Command } from "./spec.ts";
import { terminalOutput } from "./terminal/output.ts";
import { shownOn } from "./text/visible.ts";
import { COMMANDS, findIn, type Group, isGroup, type Leaf } from "./tree.ts";

/** What a wrong command line ends with, as in Docker's client. */
const USAGE_EXIT_CODE = 125;

/** Runs the client with these arguments and ends the process. */
export async function main(argv: readonly string[]): Promise<never> {
  process.exit(await runClient(argv));
}

/** Runs one command line and resolves with its exit code. Nothing is thrown. */
export async function runClient(
  argv: readonly string[],
  env = process.env,
  output = terminalOutput,
): Promise<number> {
  try {
    const parsed = parseRoot(argv);
    const values = parsed.values as Values<typeof GLOBAL_FLAGS>;
    const globals = readGlobals({ values, changed: parsed.changed }, env);
    const cli = new Cli({ output, globals, env, connect });
    return await dispatch(cli, parsed);
  } catch (error) {
    const message = describeError(error);
    if (message !== "") output.warn(`${shownOn(2, message)}\n`);
    return error instanceof ExitError ? error.exitCode : 1;
  }
}

function parseRoot(argv: readonly string[]): Parsed {
  try {
    return parseArguments(argv, GLOBAL_FLAGS, { stopAtFirstArgument: true });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw usageError(error.message, "berth", "berth [OPTIONS] COMMAND [ARG...]");
  }
}

async function dispatch(cli: Cli, parsed: Parsed): Promise<number> {
  const [name, ...rest] = parsed.args;
  if (parsed.changed.has("version") && parsed.values["version"] === true) {
    const { VERSION } = await import("../lib/index.ts");
    cli.line(`berth version ${VERSION}`);
    return 0;
  }
  if (parsed.help || name === undefined) return showHelp(cli, []);
  if (name === "help") return showHelp(cli, rest);
  const node = findIn(COMMANDS, name);
  if (node === undefined) throw await unknownCommand(cli, "berth", name, COMMANDS);
  return isGroup(node) ? runGroup(cli, name, node, rest) : runLeaf(cli, `berth ${name}`, node, rest);
}

async function runGroup(cli: Cli, group: string, node: Group, argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") return showHelp(cli, [group]);
  if (name === "help") return showHelp(cli, [group, ...rest]);
  if (name.startsWith("-")) {
    const what = name.startsWith("--")
      ? `unknown flag: ${name}`
      : `unknown shorthand flag: '${name[1]}' in ${name}`;
    throw usageError(what, `berth ${group}`, `berth ${group} COMMAND`);
  }
  const leaf = findIn(node.commands, name);
  if (leaf === undefined) throw await unknownCommand(cli, `berth ${group}`, name, node.commands);
  return runLeaf(cli, `berth ${group} ${name}`, leaf, rest);
}

async function runLeaf(cli: Cli, name: string, leaf: Leaf, argv: readonly string[]): Promise<number> {
  const { command } = await leaf.load();
  const usage = `${name}${command.usage === "" ? "" : ` ${command.usage}`}`;
  const parsed = parseFor(command, argv, name, usage);
  if (parsed.help) return showHelp(cli, name.split(" ").slice(1));
  const { args, values: flags } = parsed;
  const arity = typeof command.arity === "function" ? command.arity(flags) : command.arity;
  checkArity(args.length, arity, name, usage);
  const code = await command.run({ cli, name, args, flags, changed: (flag) => parsed.changed.has(flag) });
  return code ?? 0;
}

function parseFor(command: Command, argv: readonly string[], name: string, usage: string): Parsed {
  try {
    return parseArguments(argv, command.flags, { stopAtFirstArgument: command.stopAtFirstArgument ?? false });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw usageError(error.message, name, usage);
  }
}

function checkArity(count: number, { min, max }: Arity, name: string, usage: string): void {
  if (count >= min && count <= max) return;
  const plural = (number: number) => `${number} argument${number === 1 ? "" : "s"}`;
  let complaint: string;
  if (max === 0) complaint = "accepts no arguments";
  else if (min === max) complaint = `requires ${plural(min)}`;
  else if (max === Number.POSITIVE_INFINITY) complaint = `requires at least ${plural(min)}`;
  else if (min === 0) complaint = `requires at most ${plural(max)}`;
  else complaint = `requires at least ${min} and at most ${plural(max)}`;
  const advice = max === Number.POSITIVE_INFINITY ? "See" : "Run";
  const text = `berth: '${name}' ${complaint}\n\nUsage:  ${usage}\n\n${advice} '${name} --help' for more information`;
  throw new ExitError(1, text);
}

function usageError(message: string, name: string, usage: string): ExitError {
  const text = `${message}\n\nUsage:  ${usage}\n\nRun '${name} --help' for more information`;
  return new ExitError(USAGE_EXIT_CODE, text);
}

async function unknownCommand(
  cli: Cli,
  parent: string,
  name: string,
  commands: Readonly<Record<string, unknown>>,
): Promise<ExitError> {
  const { suggestions } = await import("./text/suggest.ts");
  const near = suggestions(
    name,
    Object.keys(commands).filter((each) => !each.startsWith("_")),
  );
  cli.debug(`no command ${name} below ${parent}`);
  const meant =
    near.length === 0
      ? ""
      : `\n\nDid you mean this?\n${near.map((each) => `\t${parent} ${each}`).join("\n")}`;
  return new ExitError(
    1,
    `berth: unknown command: ${parent} ${name}${meant}\n\nRun '${parent} --help' for more information`,
  );
}

/** Help for a command by its path: `[]`, `["run"]`, `["container", "ls"]`. */
async function showHelp(cli: Cli, path: readonly string[]): Promise<number> {
  const help = await import("./help.ts");
  const width = help.helpWidth(cli.env);
  const [name, child] = path;
  if (name === undefined) {
    cli.line(await help.rootHelp(width));
    return 0;
  }
  const node = findIn(COMMANDS, name);
  const found =
    node !== undefined && isGroup(node) && child !== undefined ? findIn(node.commands, child) : node;
  if (found === undefined) throw new ExitError(1, `unknown help topic: ${path.join(" ")}`);
  if (isGroup(found)) cli.line(await help.groupHelp(name, found));
  else cli.line(help.commandHelp(`berth ${path.join(" ")}`, found, (await found.load()).command, width));
  return 0;
}
