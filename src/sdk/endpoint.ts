import { invalidParameter } from "../lib/index.ts";

/** Where an engine listens. */
export type Endpoint = UnixEndpoint | TcpEndpoint | SshEndpoint;

export interface UnixEndpoint {
  readonly kind: "unix";
  readonly path: string;
}

export interface TcpEndpoint {
  readonly kind: "tcp";
  readonly host: string;
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly tls?: TlsMaterial;
}

/** An engine's own machine, reached by the program `ssh`, which runs `berth system dial-stdio` there. */
export interface SshEndpoint {
  readonly kind: "ssh";
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  /** Of the engine's socket there, where it is not what a client on that machine would take. */
  readonly path?: string;
}

/** What a TLS connection is made with. Texts are PEM. */
export interface TlsMaterial {
  /** Whether the engine's certificate must be valid, for the name it is reached by. */
  readonly verify: boolean;
  /** Who has to have signed it; absent: whom the system trusts. */
  readonly ca?: string;
  /** The client's certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
}

/** Where berth's own daemon listens unless told otherwise. */
export const DEFAULT_SOCKET = "/var/run/berth.sock";

/** Docker's ports. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

/**
 * Reads what `-H` and `DOCKER_HOST` hold: `unix:///path`, `tcp://host[:port]`, `host:port`, `https://host[:port]` or
 * `ssh://[user@]host[:port][/path]`.
 * @param options `tls`: what connections over TCP are made with
 * @throws InvalidParameter for what is no address
 */
export function parseEndpoint(text: string, options: { readonly tls?: TlsMaterial } = {}): Endpoint {
  const trimmed = text.trim();
  const [scheme, rest] = trimmed.includes("://")
    ? [trimmed.slice(0, trimmed.indexOf("://")), trimmed.slice(trimmed.indexOf("://") + 3)]
    : ["tcp", trimmed];
  switch (scheme) {
    case "unix":
      return { kind: "unix", path: rest === "" ? DEFAULT_SOCKET : rest };
    case "tcp":
    case "http":
      return parseTcp(rest, text, options.tls);
    case "https":
      return parseTcp(rest, text, options.tls ?? { verify: true });
    case "ssh":
      return parseSsh(trimmed);
    case "npipe":
    case "fd":
      throw invalidParameter(`${scheme}:// is no address for a client here: use unix://, tcp:// or ssh://`);
    default:
      throw invalidParameter(`unable to parse docker host \`${text}\``);
  }
}

/** As Docker prints it: `unix:///var/run/berth.sock`. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix://${endpoint.path}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  if (endpoint.kind === "tcp") return `tcp://${host}:${endpoint.port}`;
  const user = endpoint.user === undefined ? "" : `${encodeURIComponent(endpoint.user)}@`;
  const port = endpoint.port === undefined ? "" : `:${endpoint.port}`;
  return `ssh://${user}${host}${port}${endpoint.path ?? ""}`;
}

function parseTcp(rest: string, whole: string, tls: TlsMaterial | undefined): TcpEndpoint {
  const [authority = ""] = rest.split("/");
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(authority);
  if (match === null) throw invalidParameter(`invalid bind address format: ${whole}`);
  const host = match[1] ?? match[2] ?? "";
  const standard = tls === undefined ? PLAIN_PORT : TLS_PORT;
  const port = match[3] === undefined || match[3] === "" ? standard : Number(match[3]);
  if (port > 65535) throw invalidParameter(`invalid bind address format: ${whole}`);
  return {
    kind: "tcp",
    host: host === "" ? "localhost" : host,
    port,
    ...(tls !== undefined && { tls }),
  };
}

/**
 * What could be taken for an option, or for more than a word by a shell (`ProxyCommand` of OpenSSH puts names into one,
 * CVE-2023-51385), is no name.
 */
const SSH_HOST = /^(?:\[([0-9a-fA-F:.]+(?:%[A-Za-z0-9._-]+)?)\]|([A-Za-z0-9_][A-Za-z0-9._-]*))(?::(\d+))?$/;
const SSH_USER = /^[A-Za-z0-9_][A-Za-z0-9._+@-]*$/;

function parseSsh(text: string): SshEndpoint {
  const wrong = (why: string) => invalidParameter(`ssh host connection is not valid: ${why}`);
  const [, authority = "", path = ""] = /^ssh:\/\/([^/?#]*)([^?#]*)$/.exec(text) ?? [];
  if (authority === "") throw wrong(/[?#]/.test(text) ? "extra query or fragment" : "no host specified");
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? undefined : decoded(authority.slice(0, at));
  if (user?.includes(":")) throw wrong("plain-text password is not supported");
  if (user !== undefined && !SSH_USER.test(user)) throw wrong(`invalid user ${JSON.stringify(user)}`);
  const match = SSH_HOST.exec(authority.slice(at + 1));
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (match === null || (port !== undefined && (port < 1 || port > 65535))) {
    throw wrong(`invalid host ${JSON.stringify(authority.slice(at + 1))}`);
  }
  const socket = decoded(path);
  if (socket?.includes("\0")) throw wrong("invalid path");
  return {
    kind: "ssh",
    host: match[1] ?? match[2]!,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port }),
    ...(socket !== undefined && /[^/]/.test(socket) && { path: socket }),
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidParameter(`ssh host connection is not valid: invalid URL escape in ${JSON.stringify(text)}`);
  }
}
