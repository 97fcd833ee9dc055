import { messageOf } from "../../lib/index.ts";
import type { Cli } from "../cli.ts";
import { describeError, ExitError } from "../errors.ts";
import type { Values } from "../flags.ts";
import { FlagError, type Parsed, parseArguments } from "../parse.ts";
import type { Arity } from "../spec.ts";
import { COMMANDS } from "./commands.ts";
import { type COMPOSE_FLAGS, DRY_RUN } from "./flags.ts";
import { Session } from "./session.ts";
import type { ComposeCommand, ComposeLeaf } from "./spec.ts";

/** What a wrong command line ends with, as in Docker's client. */
const USAGE_EXIT_CODE = 125;

/** `compose` as it was typed: its own flags are read, its command is not. */
export interface ComposeCall {
  readonly cli: Cli;
  readonly args: readonly string[];
  readonly flags: Values<typeof COMPOSE_FLAGS>;
  changed(flag: keyof typeof COMPOSE_FLAGS): boolean;
}

/** Runs a command of `compose`. */
export async function runCompose(call: ComposeCall): Promise<number> {
  const { cli, flags, args } = call;
  const [name, ...rest] = args;
  if (flags.version) return runLeaf(call, "version", COMMANDS["version"]!, []);
  if (flags.help || name === undefined) return showHelp(cli, undefined);
  if (name === "help") return showHelp(cli, rest[0]);
  const leaf = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (leaf === undefined) throw await unknownCommand(name);
  return runLeaf(call, name, leaf, rest);
}

async function runLeaf(
  call: ComposeCall,
  name: string,
  leaf: ComposeLeaf,
  argv: readonly string[],
): Promise<number> {
  const { command } = await leaf.load();
  const parsed = parseFor(command, name, argv);
  if (parsed.help) return showHelp(call.cli, name);
  checkArity(parsed.args.length, command.arity, name, command);
  const dryRun = call.flags["dry-run"] || parsed.values["dry-run"] === true;
  const session = new Session(call.cli, { ...call.flags, "dry-run": dryRun }, call.changed);
  try {
    const invocation = {
      cli: call.cli,
      session,
      args: parsed.args,
      flags: parsed.values as never,
      changed: (flag: string) => parsed.changed.has(flag),
    };
    return (await command.run(invocation)) ?? 0;
  } catch (error) {
    throw session.progress === "json" ? asJson(error) : error;
  }
}

function parseFor(command: ComposeCommand, name: string, argv: readonly string[]): Parsed {
  const flags = { ...command.flags, "dry-run": DRY_RUN };
  try {
    return parseArguments(argv, flags, { stopAtFirstArgument: command.stopAtFirstArgument ?? false });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const usage = `Usage:  berth compose ${name} ${command.usage}`.trimEnd();
    const advice = `Run 'berth compose ${name} --help' for more information`;
    throw new ExitError(USAGE_EXIT_CODE, `${error.message}\n\n${usage}\n\n${advice}`);
  }
}

function checkArity(count: number, { min, max }: Arity, name: string, command: ComposeCommand): void {
  if (count >= min && count <= max) return;
  const usage = `Usage:  berth compose ${name} ${command.usage}`.trimEnd();
  const wanted =
    count < min
      ? `requires at least ${min} arg(s), only received ${count}`
      : max === 0
        ? "accepts no arguments"
        : `accepts at most ${max} arg(s), received ${count}`;
  throw new ExitError(1, `${wanted}\n\n${usage}`);
}

/** With `--progress json` the failure is a line of JSON, too. */
function asJson(error: unknown): unknown {
  if (error instanceof ExitError && error.message === "") return error;
  const text = JSON.stringify({ error: true, message: describeError(error) || messageOf(error) });
  return new ExitError(error instanceof ExitError ? error.exitCode : 1, text, { cause: error });
}

async function unknownCommand(name: string): Promise<ExitError> {
  const { suggestions } = await import("../text/suggest.ts");
  const near = suggestions(name, Object.keys(COMMANDS));
  const meant =
    near.length === 0
      ? ""
      : `\n\nDid you mean this?\n${near.map((each) => `\tberth compose ${each}`).join("\n")}`;
  const text = `unknown command: berth compose ${name}${meant}\n\nRun 'berth compose --help' for more information`;
  return new ExitError(1, text);
}

async function showHelp(cli: Cli, name: string | undefined): Promise<number> {
  const { composeHelp } = await import("./help.ts");
  cli.line(await composeHelp(cli, name));
  return 0;
}
