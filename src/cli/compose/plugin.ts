import { VERSION } from "../../lib/index.ts";
import { loadClientConfig } from "../../sdk/index.ts";
import { GLOBAL_FLAGS } from "../globals.ts";
import { parseArguments } from "../parse.ts";

/** The name by which Docker's client finds the program, and people may call it. */
export const PLUGIN_NAME = "docker-compose";

const METADATA = "docker-cli-plugin-metadata";
const HOOKS = "docker-cli-plugin-hooks";
/** Docker's engine, which `docker` without further words means. */
const DOCKER_SOCKET = "unix:///var/run/docker.sock";

type Environment = Readonly<Record<string, string | undefined>>;

/** A command line of ours. */
export interface CommandLine {
  readonly argv: readonly string[];
  readonly env: Environment;
}

/**
 * What a call as `docker-compose` means. Docker's client asks for the plugin's description first, and then hands over its
 * own command line from its first flag on: `docker-compose -H … compose up`. People leave the `compose` out.
 *
 * @returns the text that answers, or the command line to run.
 */
export async function calledAsPlugin(
  argv: readonly string[],
  env: Environment,
): Promise<string | CommandLine> {
  if (argv[0] === METADATA) return metadata();
  if (argv[0] === HOOKS) return "";
  const isPlugin = env["DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"] !== undefined || argv[0] === "compose";
  const own = isPlugin ? argv : standalone(argv);
  return { argv: own, env: await withDockersEngine(own, env) };
}

function metadata(): string {
  const facts = {
    SchemaVersion: "0.1.0",
    Vendor: "berth",
    Version: VERSION,
    ShortDescription: "Docker Compose by berth",
  };
  return `${JSON.stringify(facts)}\n`;
}

/** Flags of Docker's client may stand before those of compose. */
function standalone(argv: readonly string[]): string[] {
  const shared = ["-H", "--host", "-c", "--context", "--config", "-D", "--debug", "-l", "--log-level"];
  const isShared = (word: string) =>
    word.startsWith("--tls") || shared.some((flag) => word === flag || word.startsWith(`${flag}=`));
  const before: string[] = [];
  let at = 0;
  while (at < argv.length && isShared(argv[at]!)) {
    const word = argv[at++]!;
    before.push(word);
    const isSwitch = ["-D", "--debug", "--tls", "--tlsverify"].includes(word) || word.includes("=");
    if (!isSwitch && at < argv.length) before.push(argv[at++]!);
  }
  return [...before, "compose", ...argv.slice(at)];
}

/** Where nothing else is said, `docker compose` works on the engine that `docker` does. */
async function withDockersEngine(argv: readonly string[], env: Environment): Promise<Environment> {
  const { BERTH_HOST: _, ...rest } = env;
  if (rest["DOCKER_HOST"] || rest["DOCKER_CONTEXT"]) return rest;
  const { values } = parseArguments(argv, GLOBAL_FLAGS, { stopAtFirstArgument: true });
  const { host, context, config } = values as { host: readonly string[]; context: string; config: string };
  if (host.length > 0 || context !== "") return rest;
  const folder = config || rest["DOCKER_CONFIG"] || `${rest["HOME"] ?? "/root"}/.docker`;
  const { currentContext = "" } = await loadClientConfig(folder).catch(() => ({ currentContext: "" }));
  return currentContext === "" || currentContext === "default"
    ? { ...rest, DOCKER_HOST: DOCKER_SOCKET }
    : rest;
}
