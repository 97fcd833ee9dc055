import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, readlinkSync, unlinkSync } from "node:fs";
import { createConnection, type Server } from "node:net";
import { dirname } from "node:path";
import { conflict, invalidParameter, log, messageOf } from "../lib/index.ts";
import { openTlsFront } from "./tls-front.ts";

/** Where one of the daemon's servers listens. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** systemd's; `network`: of TCP, not a Unix socket. */
  | { readonly kind: "activated"; readonly descriptor: number; readonly network: boolean };

const SOCKET_MODE = 0o660;
/** systemd passes sockets from this descriptor on (sd_listen_fds(3)). */
const FIRST_ACTIVATED_DESCRIPTOR = 3;

/**
 * Parses `-H`. Whoever reaches the API is root on this host, so TCP without TLS is for loopback only.
 * @throws InvalidParameter
 */
export function parseAddress(text: string, options: { readonly tls: boolean }): Address {
  if (text === "fd://" || text.startsWith("fd://")) return activatedSocket(options.tls);
  if (text.startsWith("unix://")) {
    const path = text.slice("unix://".length);
    if (!path.startsWith("/") || path.includes("\0"))
      throw invalidParameter(`Invalid bind address format: ${text}`);
    return { kind: "unix", path };
  }
  if (text.startsWith("tcp://")) return parseTcp(text, options.tls);
  throw invalidParameter(`Invalid bind address format: ${text}`);
}

/** Docker's ports. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

function parseTcp(text: string, tls: boolean): Address {
  const match = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]*)(?::(\d+))?\/?$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, "") || "127.0.0.1";
  const port = Number(match?.[2] ?? (tls ? TLS_PORT : PLAIN_PORT));
  if (match === null || port > 65535) throw invalidParameter(`Invalid bind address format: ${text}`);
  if (!tls && !isLoopback(host)) throw insecure(text);
  return { kind: "tcp", host, port };
}

function insecure(address: string): Error {
  return invalidParameter(
    `refusing to listen on ${address}: whoever reaches this address would be root on this host; use --tlsverify with --tlscacert, --tlscert and --tlskey, or listen on 127.0.0.1 and reach it over ssh`,
  );
}

function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host);
}

function activatedSocket(tls: boolean): Address {
  if (process.env["LISTEN_PID"] !== String(process.pid) || Number(process.env["LISTEN_FDS"] ?? 0) < 1) {
    throw invalidParameter(
      "no sockets found via socket activation: make sure the service was started by systemd",
    );
  }
  const descriptor = FIRST_ACTIVATED_DESCRIPTOR;
  const address = tcpAddressOf(descriptor);
  if (!tls && address !== undefined && !isLoopbackInProc(address)) throw insecure("fd://");
  return { kind: "activated", descriptor, network: address !== undefined };
}

/** The local address of a socket of TCP as /proc/net/tcp has it, in hexadecimal; `undefined` for other sockets. */
function tcpAddressOf(descriptor: number): string | undefined {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readFileSync(`/proc/net/${table}`, "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (inode !== undefined && fields[9] === inode) return fields[1]?.split(":")[0];
    }
  }
  return undefined;
}

/** 127.0.0.0/8 in the order of bytes of a little-endian machine, also as an IPv6 address, and ::1. */
export function isLoopbackInProc(address: string): boolean {
  return /^(?:0000000000000000FFFF0000)?[0-9A-F]{6}7F$/.test(address) || /^0{24}01000000$/.test(address);
}

/**
 * Starts a server of TLS, behind its front, which is what listens at the address.
 * @param innerPath of a socket, where only root can reach it
 */
export async function listenWithTls(
  server: Server,
  address: Address,
  innerPath: string,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  stack.use(await listen(server, { kind: "unix", path: innerPath }, "0"));
  // A half-close is how a client that goes away looks, though what is listened on is a socket here.
  Object.assign(server, { httpAllowHalfOpen: false });
  const front = openTlsFront(innerPath);
  stack.defer(() => front.destroyAll());
  stack.use(await listen(front.server, address, undefined));
  return stack.move();
}

/** Starts a server; disposing of the result closes the door and takes the socket's file away. */
export async function listen(
  server: Server,
  address: Address,
  group: string | undefined,
): Promise<AsyncDisposable> {
  if (address.kind === "unix") await clearStaleSocket(address.path);
  // Between bind and chmod nobody else may connect.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(listenOptions(address), () => {
        server.off("error", reject);
        resolve();
      });
    });
  } finally {
    process.umask(mask);
  }
  if (address.kind === "unix") openToGroup(address.path, group);
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      if (address.kind === "unix") removeFile(address.path);
    },
  };
}

function listenOptions(address: Address): object {
  switch (address.kind) {
    case "unix":
      return { path: address.path };
    case "tcp":
      return { host: address.host, port: address.port };
    case "activated":
      return { fd: address.descriptor };
  }
}

/**
 * A socket that a crashed daemon left is removed; one that answers belongs to a living one.
 * @throws Conflict
 */
async function clearStaleSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isSocket()) throw conflict(`cannot listen on ${path}: the file exists and is no socket`);
  if (await answers(path)) throw conflict(`cannot listen on ${path}: another process is listening there`);
  removeFile(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

/** Like dockerd, which lets the group `docker` in where there is one: ours is `berth`, then `docker`. */
function openToGroup(path: string, group: string | undefined): void {
  const gid = group === undefined ? (groupId("berth") ?? groupId("docker")) : groupId(group);
  if (group !== undefined && gid === undefined) throw invalidParameter(`group ${group} not found`);
  try {
    chownSync(path, 0, gid ?? 0);
    chmodSync(path, SOCKET_MODE);
  } catch (error) {
    log.warn("cannot set the owner of the socket", { path, error: messageOf(error) });
  }
}

function groupId(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(":")[2]);
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, which is what was wanted.
  }
}
