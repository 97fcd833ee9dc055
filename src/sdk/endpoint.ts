import { invalidParameter } from "../lib/index.ts";

/** Where an engine listens. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** Where berth's own daemon listens unless told otherwise. */
export const DEFAULT_SOCKET = "/var/run/berth.sock";

const DEFAULT_TCP_PORT = 2375;

/**
 * Reads what `-H` and `DOCKER_HOST` hold: `unix:///path`, `tcp://host[:port]` or `host:port`.
 * @throws InvalidParameter for what is no address, NotImplemented for kinds that are not served yet.
 */
export function parseEndpoint(text: string): Endpoint {
  const trimmed = text.trim();
  const [scheme, rest] = trimmed.includes("://")
    ? [trimmed.slice(0, trimmed.indexOf("://")), trimmed.slice(trimmed.indexOf("://") + 3)]
    : ["tcp", trimmed];
  switch (scheme) {
    case "unix":
      return { kind: "unix", path: rest === "" ? DEFAULT_SOCKET : rest };
    case "tcp":
    case "http":
      return parseTcp(rest, text);
    case "ssh":
    case "https":
    case "npipe":
    case "fd":
      throw invalidParameter(`${scheme}:// is not supported yet: use unix:// or tcp://`);
    default:
      throw invalidParameter(`unable to parse docker host \`${text}\``);
  }
}

/** As Docker prints it: `unix:///var/run/berth.sock`. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix://${endpoint.path}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `tcp://${host}:${endpoint.port}`;
}

function parseTcp(rest: string, whole: string): Endpoint {
  const [authority = ""] = rest.split("/");
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(authority);
  if (match === null) throw invalidParameter(`invalid bind address format: ${whole}`);
  const host = match[1] ?? match[2] ?? "";
  const port = match[3] === undefined || match[3] === "" ? DEFAULT_TCP_PORT : Number(match[3]);
  if (port > 65535) throw invalidParameter(`invalid bind address format: ${whole}`);
  return { kind: "tcp", host: host === "" ? "localhost" : host, port };
}
