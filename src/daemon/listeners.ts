import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, realpathSync, unlinkSync } from "node:fs";
import { createConnection, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { conflict, invalidParameter, log, messageOf } from "../lib/index.ts";
import {
  type ActivatedSocket,
  activatedSockets,
  chosenSockets,
  isLoopbackInProc,
  tcpAddressOf,
  unixPathOf,
} from "./activation.ts";
import { openPlainFront } from "./plain-front.ts";
import { type FrontServer, openTlsFront } from "./tls-front.ts";

/** Where one of the daemon's servers listens. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** systemd's; `network`: of TCP, not a Unix socket. */
  | { readonly kind: "activated"; readonly descriptor: number; readonly network: boolean };

const SOCKET_MODE = 0o660;

/** What decides whether TCP that others can reach is listened on. */
export interface Protection {
  readonly tls: boolean;
  /** The operator has said that there shall be no TLS, which is more than to have said nothing. */
  readonly insists?: boolean;
}

/**
 * What `-H` means: one address, or all sockets that systemd passes on. A path where systemd listens already is that
 * socket, so that a configuration with `hosts` and a socket unit get along. Whoever reaches the API is root on this host, so
 * TCP without TLS is for loopback only, unless insisted on.
 * @throws InvalidParameter
 */
export function addressesOf(
  text: string,
  protection: Protection,
  sockets: readonly ActivatedSocket[] = activatedSockets(process.env, process.pid),
): Address[] {
  if (!text.startsWith("fd://")) {
    const address = parseAddress(text, protection);
    const own = address.kind === "unix" ? sockets.find((each) => isAt(address.path, each)) : undefined;
    return [own === undefined ? address : activated(text, own.descriptor, protection)];
  }
  return chosenSockets(text, sockets).map(({ descriptor }) => activated(text, descriptor, protection));
}

/** By the folder's real name: /var/run is /run. */
function isAt(path: string, { descriptor }: ActivatedSocket): boolean {
  const bound = unixPathOf(descriptor);
  return bound !== undefined && realPlace(bound) === realPlace(path);
}

function realPlace(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

/** Parses `-H` where it is no socket of systemd's. @throws InvalidParameter */
export function parseAddress(text: string, protection: Protection): Address {
  if (text.startsWith("unix://")) {
    const path = text.slice("unix://".length);
    if (!path.startsWith("/") || path.includes("\0"))
      throw invalidParameter(`Invalid bind address format: ${text}`);
    return { kind: "unix", path };
  }
  if (text.startsWith("tcp://")) return parseTcp(text, protection);
  throw invalidParameter(`Invalid bind address format: ${text}`);
}

/** Docker's ports. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

function parseTcp(text: string, protection: Protection): Address {
  const match = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]*)(?::(\d+))?\/?$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, "") || "127.0.0.1";
  const port = Number(match?.[2] ?? (protection.tls ? TLS_PORT : PLAIN_PORT));
  if (match === null || port > 65535) throw invalidParameter(`Invalid bind address format: ${text}`);
  if (!isLoopback(host)) refuseInsecure(text, protection);
  return { kind: "tcp", host, port };
}

function refuseInsecure(address: string, { tls, insists = false }: Protection): void {
  if (tls || insists) return;
  throw invalidParameter(
    `refusing to listen on ${address}: whoever reaches this address would be root on this host; use --tlsverify with --tlscacert, --tlscert and --tlskey (berth daemon tls init makes them), or listen on 127.0.0.1 and reach it over ssh; who insists adds --tls=false`,
  );
}

function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host);
}

function activated(text: string, descriptor: number, protection: Protection): Address {
  const address = tcpAddressOf(descriptor);
  if (address !== undefined && !isLoopbackInProc(address)) refuseInsecure(text, protection);
  return { kind: "activated", descriptor, network: address !== undefined };
}

/**
 * Starts a server of TLS, behind its front, which is what listens at the address.
 * @param innerPath of a socket, where only root can reach it
 */
export function listenWithTls(server: Server, address: Address, innerPath: string): Promise<AsyncDisposable> {
  return listenBehind(openTlsFront(innerPath), server, address, innerPath);
}

/** The same for a plain server on a socket that systemd has opened. */
export function listenActivated(
  server: Server,
  address: Address & { readonly kind: "activated" },
  innerPath: string,
): Promise<AsyncDisposable> {
  return listenBehind(openPlainFront(innerPath), server, address, innerPath);
}

async function listenBehind(
  front: FrontServer,
  server: Server,
  address: Address,
  innerPath: string,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  stack.use(await listen(server, { kind: "unix", path: innerPath }, 0));
  // A half-close is how a client of TCP that goes away looks, though what is listened on is a socket here.
  if (isNetwork(address)) Object.assign(server, { httpAllowHalfOpen: false });
  stack.defer(() => front.destroyAll());
  stack.use(await listen(front.server, address, 0));
  return stack.move();
}

/** Whether others than this host's users may come to this address. */
export function isNetwork(address: Address): boolean {
  return address.kind === "tcp" || (address.kind === "activated" && address.network);
}

/** Starts a server; disposing of the result closes the door and takes the socket's file away. */
export async function listen(server: Server, address: Address, gid: number): Promise<AsyncDisposable> {
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
  if (address.kind === "unix") openToGroup(address.path, gid);
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

/**
 * The group that may use the socket. Like dockerd, which lets the group `docker` in where there is one: ours is `berth`,
 * then `docker`, then root's.
 * @throws InvalidParameter where there is no group of the name that was given
 */
export function socketGroup(name: string | undefined): number {
  if (name === undefined) return groupId("berth") ?? groupId("docker") ?? 0;
  const gid = groupId(name);
  if (gid === undefined) throw invalidParameter(`group ${name} not found`);
  return gid;
}

function openToGroup(path: string, gid: number): void {
  try {
    chownSync(path, 0, gid);
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
