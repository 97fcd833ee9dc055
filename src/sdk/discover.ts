import { invalidParameter } from "../lib/index.ts";
import { type ClientConfig, configDirectory, loadClientConfig, readTextFile } from "./client-config.ts";
import { DEFAULT_SOCKET, type Endpoint, parseEndpoint } from "./endpoint.ts";

/** What is known when an engine is looked for. */
export interface EndpointSearch {
  /** `-H`. */
  readonly host?: string | undefined;
  /** `--context`. */
  readonly context?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the client's configuration is: `~/.docker`. */
  readonly configDirectory: string;
  readonly loadConfig: () => Promise<ClientConfig>;
}

export interface FoundEndpoint {
  readonly endpoint: Endpoint;
  /** Which strategy found it. */
  readonly by: string;
  /** The context in use; `default` where an address was given directly. */
  readonly context: string;
}

/** One way to find an engine. */
export interface EndpointStrategy {
  readonly name: string;
  /** Undefined: this way does not apply. @throws where it applies and is wrong. */
  find(search: EndpointSearch): Promise<Omit<FoundEndpoint, "by"> | undefined>;
}

/** In order: the first that applies decides. The order is Docker's, with `BERTH_HOST` before `DOCKER_HOST`. */
export const STRATEGIES: readonly EndpointStrategy[] = [
  { name: "-H", find: async ({ host }) => atAddress(host) },
  { name: "--context", find: async (search) => inContext(search.context, search) },
  { name: "BERTH_HOST", find: async ({ env }) => atAddress(env["BERTH_HOST"]) },
  { name: "DOCKER_HOST", find: async ({ env }) => atAddress(env["DOCKER_HOST"]) },
  { name: "DOCKER_CONTEXT", find: async (search) => inContext(search.env["DOCKER_CONTEXT"], search) },
  {
    name: "currentContext in config.json",
    find: async (search) => inContext((await search.loadConfig()).currentContext, search),
  },
  {
    name: "default socket",
    find: async () => ({ endpoint: { kind: "unix", path: DEFAULT_SOCKET }, context: "default" }),
  },
];

/**
 * Finds the engine to talk to.
 * @param trace told each strategy's verdict, for debugging.
 */
export async function discoverEndpoint(
  search: EndpointSearch,
  trace: (line: string) => void = () => {},
): Promise<FoundEndpoint> {
  if (isSet(search.host) && isSet(search.context)) {
    throw invalidParameter("conflicting options: cannot specify both --host and --context");
  }
  for (const { name, find } of STRATEGIES) {
    const found = await find(search);
    if (found !== undefined) {
      trace(`endpoint by ${name}: ${JSON.stringify(found.endpoint)}`);
      return { ...found, by: name };
    }
    trace(`endpoint by ${name}: not given`);
  }
  throw invalidParameter("no engine to talk to");
}

/** The search that the environment and files of this process make. */
export function environmentSearch(
  given: { host?: string | undefined; context?: string | undefined } = {},
): EndpointSearch {
  const env = process.env;
  const directory = configDirectory(env);
  return { ...given, env, configDirectory: directory, loadConfig: () => loadClientConfig(directory) };
}

function atAddress(address: string | undefined): Omit<FoundEndpoint, "by"> | undefined {
  return isSet(address) ? { endpoint: parseEndpoint(address), context: "default" } : undefined;
}

async function inContext(
  name: string | undefined,
  search: EndpointSearch,
): Promise<Omit<FoundEndpoint, "by"> | undefined> {
  if (!isSet(name)) return undefined;
  if (name === "default") return { endpoint: { kind: "unix", path: DEFAULT_SOCKET }, context: name };
  const path = `${search.configDirectory}/contexts/meta/${await sha256Hex(name)}/meta.json`;
  const text = await readTextFile(path);
  if (text === undefined)
    throw invalidParameter(`context "${name}": context not found: open ${path}: no such file or directory`);
  return { endpoint: parseEndpoint(hostInContext(name, text)), context: name };
}

function hostInContext(name: string, text: string): string {
  const meta = JSON.parse(text) as { Endpoints?: { docker?: { Host?: unknown } } };
  const host = meta.Endpoints?.docker?.Host;
  if (typeof host !== "string") throw invalidParameter(`context "${name}" has no docker endpoint`);
  return host;
}

/** Contexts are kept in folders named by the digest of their name. */
async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
