import { constants } from "node:os";
import { DEFAULT_CONTEXT, formatEndpoint } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { findPlugin, pluginFolders } from "./find.ts";

/**
 * Runs a plugin of Docker's client in this process's place, with all words of the command line, as that client does: a
 * plugin reads the flags before its name too.
 * @returns its exit code; undefined where there is no such plugin
 */
export async function runCliPlugin(
  cli: Cli,
  name: string,
  argv: readonly string[],
): Promise<number | undefined> {
  const path = findPlugin(name, pluginFolders(cli.configDirectory, await cli.config()));
  if (path === undefined) return undefined;
  cli.debug(`command ${name} is the plugin ${path}`);
  const env = await environmentOf(cli);
  const child = Bun.spawn([path, ...argv], { env, stdio: ["inherit", "inherit", "inherit"] });
  // The terminal's interrupt reaches the plugin by itself; what is sent to this process alone does not.
  const forward = (signal: NodeJS.Signals) => () => child.kill(signal);
  process.on("SIGINT", () => {});
  process.on("SIGTERM", forward("SIGTERM"));
  process.on("SIGHUP", forward("SIGHUP"));
  const code = await child.exited;
  return child.signalCode === null
    ? code
    : 128 + ((constants.signals as Record<string, number>)[String(child.signalCode)] ?? 0);
}

/** A plugin knows Docker's default address, not ours. Contexts it finds by itself. */
async function environmentOf(cli: Cli): Promise<Record<string, string | undefined>> {
  const env = { ...cli.env, DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: process.argv0 };
  const { host, context } = cli.globals;
  if (host !== undefined || context !== undefined) return env;
  const found = await cli.endpoint();
  return found.context === DEFAULT_CONTEXT ? { ...env, DOCKER_HOST: formatEndpoint(found.endpoint) } : env;
}

/** What `aliases` of the configuration makes of a name; Docker's client takes one of them, `builder`. */
export async function aliasOf(cli: Cli, name: string): Promise<string | undefined> {
  if (name !== "builder") return undefined;
  const alias = (await cli.config()).aliases?.[name];
  return typeof alias === "string" && alias !== "" ? alias : undefined;
}
