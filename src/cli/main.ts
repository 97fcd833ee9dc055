import { VERSION } from "../lib/index.ts";
import { connect } from "./actions/connect.ts";
import { Cli } from "./cli.ts";
import { describeError, ExitError, UsageError } from "./errors.ts";
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
  process.exit(await (isCalledAsPlugin() ? runPlugin(argv) : runClient(argv)));
}

/** `docker-compose`: as a plugin of Docker's client, or by a person. */
function isCalledAsPlugin(): boolean {
  return process.argv0.endsWith("docker-compose");
}

async function runPlugin(argv: readonly string[]): Promise<number> {
  const { calledAsPlugin } = await import("./compose/plugin.ts");
  const meant = await calledAsPlugin(argv, process.env);
  if (typeof meant !== "string") return runClient(meant.argv, meant.env);
  terminalOutput.print(meant);
  return 0;
}

/** Runs one command line and resolves with its exit code. Nothing is thrown. */
export async function runClient(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
  output = terminalOutput,
): Promise<number> {
  let cli: Cli | undefined;
  try {
    const parsed = parseRoot(argv);
    const values = parsed.values as Values<typeof GLOBAL_FLAGS>;
    const globals = readGlobals({ values, changed: parsed.changed }, env);
    cli = new Cli({ output, globals, env, connect });
    return await dispatch(cli, parsed, argv);
  } catch (error) {
    const message = describeError(error);
    if (message !== "") output.warn(`${shownOn(2, message)}\n`);
    if (cli !== undefined) await hint(cli, [...cli.complaints, message].join("\n"), error);
    return error instanceof ExitError ? error.exitCode : 1;
  }
}

/** What to do now, for people: behind the message, which is Docker's. */
async function hint(cli: Cli, message: string, error: unknown): Promise<void> {
  const { hintsFor, nearFlags, nearNames, wantsHints } = await import("./hints/hints.ts");
  if (!wantsHints(cli.env)) return;
  const flags = error instanceof UsageError ? nearFlags(message, error.flags) : [];
  const lines = [...flags, ...hintsFor(message), ...(await nearNames(cli, message))];
  for (const line of lines) cli.note(`Hint: ${shownOn(2, line)}`);
}

function parseRoot(argv: readonly string[]): Parsed {
  try {
    return parseArguments(argv, GLOBAL_FLAGS, { stopAtFirstArgument: true });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw usageError(error.message, "berth", "berth [OPTIONS] COMMAND [ARG...]");
  }
}

async function dispatch(cli: Cli, parsed: Parsed, argv: readonly string[]): Promise<number> {
  const [name, ...rest] = parsed.args;
  if (parsed.changed.has("version") && parsed.values["version"] === true) {
    cli.line(`berth version ${VERSION}`);
    return 0;
  }
  if (parsed.help || name === undefined) return showHelp(cli, []);
  if (name === "help") return showHelp(cli, rest);
  const node = findIn(COMMANDS, name);
  if (node === undefined || name === "builder") {
    const code = await elsewhere(cli, name, argv);
    if (code !== undefined) return code;
  }
  if (node === undefined) throw await unknownCommand(cli, "berth", name, COMMANDS);
  return isGroup(node) ? runGroup(cli, name, node, rest) : runLeaf(cli, `berth ${name}`, node, rest);
}

/** A command that a plugin of Docker's client has, or that the configuration gives another name. */
async function elsewhere(cli: Cli, name: string, argv: readonly string[]): Promise<number | undefined> {
  const { aliasOf, runCliPlugin } = await import("./plugins/run.ts");
  const alias = await aliasOf(cli, name);
  if (alias === undefined) return name === "builder" ? undefined : runCliPlugin(cli, name, argv);
  if (findIn(COMMANDS, alias) !== undefined) return undefined;
  const at = argv.indexOf(name);
  return runCliPlugin(cli, alias, argv.with(at, alias));
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
    throw usageError(error.message, name, usage, Object.keys(command.flags));
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

function usageError(message: string, name: string, usage: string, flags: readonly string[] = []): ExitError {
  const text = `${message}\n\nUsage:  ${usage}\n\nRun '${name} --help' for more information`;
  return new UsageError(USAGE_EXIT_CODE, text, flags);
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
    const { listPlugins, pluginFolders } = await import("./plugins/find.ts");
    const plugins = await listPlugins(pluginFolders(cli.configDirectory, await cli.config()));
    cli.line(await help.rootHelp(width, plugins));
    return 0;
  }
  const node = findIn(COMMANDS, name);
  const found =
    node !== undefined && isGroup(node) && child !== undefined ? findIn(node.commands, child) : node;
  if (node === undefined) {
    const { runCliPlugin } = await import("./plugins/run.ts");
    const code = await runCliPlugin(cli, name, [...path, "--help"]);
    if (code !== undefined) return code;
  }
  if (found === undefined) throw new ExitError(1, `unknown help topic: ${path.join(" ")}`);
  if (isGroup(found)) cli.line(await help.groupHelp(name, found));
  else if (found.nested !== undefined) cli.line(await (await found.nested()).help(cli, child));
  else cli.line(help.commandHelp(`berth ${path.join(" ")}`, found, (await found.load()).command, width));
  return 0;
}
