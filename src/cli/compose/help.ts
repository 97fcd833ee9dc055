import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { flagList, helpWidth } from "../help.ts";
import { COMMANDS } from "./commands.ts";
import { COMPOSE_FLAGS, DRY_RUN } from "./flags.ts";

/** `berth compose --help`, or that of one of its commands. @throws where there is no such command. */
export async function composeHelp(cli: Cli, name?: string): Promise<string> {
  const width = helpWidth(cli.env);
  if (name === undefined) return wholeHelp(width);
  const leaf = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (leaf === undefined) throw new ExitError(1, `unknown help topic: compose ${name}`);
  const { command } = await leaf.load();
  return [
    `Usage:  berth compose ${name} ${command.usage}`.trimEnd(),
    command.description ?? command.summary,
    flagList("Options", { ...command.flags, "dry-run": DRY_RUN }, width),
  ].join("\n\n");
}

async function wholeHelp(width: number): Promise<string> {
  const shown = Object.entries(COMMANDS).filter(([, { hidden }]) => hidden !== true);
  const lines = shown.map(
    async ([name, leaf]) => `  ${name.padEnd(14)} ${(await leaf.load()).command.summary}`,
  );
  return [
    "Usage:  berth compose [OPTIONS] COMMAND",
    "Run an application of many containers, as a Compose file describes it",
    flagList("Options", COMPOSE_FLAGS, width),
    `Commands:\n${(await Promise.all(lines)).join("\n")}`,
    "Run 'berth compose COMMAND --help' for more information on a command.",
  ].join("\n\n");
}
