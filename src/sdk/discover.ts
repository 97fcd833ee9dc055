import { invalidParameter } from "../lib/index.ts";
import { type ClientConfig, configDirectory, loadClientConfig } from "./client-config.ts";
import { DEFAULT_SOCKET, type Endpoint, formatEndpoint, parseEndpoint } from "./endpoint.ts";
import type { TlsRequest } from "./tls-files.ts";

/** What is known when an engine is looked for. */
export interface EndpointSearch {
  /** `-H`. */
  readonly host?: string | undefined;
  /** `--context`. */
  readonly context?: string | undefined;
  /** `--tls` and its like, and what the environment says in their place; contexts have their own. */
  readonly tls?: TlsRequest | undefined;
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
  { name: "-H", find: (search) => atAddress(search.host, search) },
  { name: "--context", find: (search) => inContext(search.context, search) },
  { name: "BERTH_HOST", find: (search) => atAddress(search.env["BERTH_HOST"], search) },
  { name: "DOCKER_HOST", find: (search) => atAddress(search.env["DOCKER_HOST"], search) },
  { name: "DOCKER_CONTEXT", find: (search) => inContext(search.env["DOCKER_CONTEXT"], search) },
  {
    name: "currentContext in config.json",
    find: async (search) => inContext((await search.loadConfig()).currentContext, search),
  },
  { name: "default address", find: atDefault },
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
      const { endpoint } = found;
      const secured = endpoint.kind === "tcp" && endpoint.tls !== undefined ? ", TLS" : "";
      trace(`endpoint by ${name}: ${formatEndpoint(endpoint)}${secured}`);
      return { ...found, by: name };
    }
    trace(`endpoint by ${name}: not given`);
  }
  throw invalidParameter("no engine to talk to");
}

/** The search that the environment and files of this process make. */
export async function environmentSearch(
  given: { host?: string | undefined; context?: string | undefined } = {},
): Promise<EndpointSearch> {
  const env = process.env;
  const directory = configDirectory(env);
  const { tlsOfEnvironment } = await import("./tls-files.ts");
  const tls = tlsOfEnvironment(env, directory);
  return { ...given, tls, env, configDirectory: directory, loadConfig: () => loadClientConfig(directory) };
}

type Found = Omit<FoundEndpoint, "by">;

async function atAddress(address: string | undefined, search: EndpointSearch): Promise<Found | undefined> {
  return isSet(address) ? atGivenAddress(address, search) : undefined;
}

async function atGivenAddress(address: string, search: EndpointSearch): Promise<Found> {
  const endpoint = parseEndpoint(address);
  // A socket needs no TLS, and ssh has its own.
  if (search.tls === undefined || endpoint.kind !== "tcp") return { endpoint, context: "default" };
  const { loadTls } = await import("./tls-files.ts");
  const tls = await loadTls(search.tls);
  return { endpoint: parseEndpoint(address, { tls }), context: "default" };
}

/** Who asks for TLS and names no address means the TCP port for it, as in Docker's client. */
async function atDefault(search: EndpointSearch): Promise<Found> {
  if (search.tls !== undefined) return atGivenAddress("tcp://localhost", search);
  return { endpoint: { kind: "unix", path: DEFAULT_SOCKET }, context: "default" };
}

async function inContext(name: string | undefined, search: EndpointSearch): Promise<Found | undefined> {
  if (!isSet(name)) return undefined;
  if (name === "default") return atDefault(search);
  const { endpointOfContext, readContext, tlsOfContext } = await import("./contexts.ts");
  const { configDirectory } = search;
  const described = endpointOfContext({ ...(await readContext(configDirectory, name)), Name: name });
  if (described.Host === "") return { ...(await atDefault(search)), context: name };
  const endpoint = parseEndpoint(described.Host);
  const tls = endpoint.kind === "tcp" ? await tlsOfContext(configDirectory, name, described) : undefined;
  return { endpoint: tls === undefined ? endpoint : parseEndpoint(described.Host, { tls }), context: name };
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
