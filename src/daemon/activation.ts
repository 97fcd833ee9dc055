import { readFileSync, readlinkSync } from "node:fs";
import { invalidParameter } from "../lib/index.ts";

/** A socket that systemd has opened and passes on (sd_listen_fds(3)). */
export interface ActivatedSocket {
  readonly descriptor: number;
  /** `FileDescriptorName=` of its unit; empty where systemd tells none. */
  readonly name: string;
}

/** The first descriptor that is passed on. */
const FIRST_DESCRIPTOR = 3;
/** Far more than anybody passes on; the number comes from the environment. */
const DESCRIPTORS_MAX = 64;

type Environment = Readonly<Record<string, string | undefined>>;

/** The sockets that the environment tells of, none where they are meant for another process. */
export function activatedSockets(env: Environment, pid: number): ActivatedSocket[] {
  if (env["LISTEN_PID"] !== String(pid)) return [];
  const count = Number(env["LISTEN_FDS"] ?? 0);
  if (!Number.isInteger(count) || count < 1 || count > DESCRIPTORS_MAX) return [];
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  return Array.from({ length: count }, (_, index) => ({
    descriptor: FIRST_DESCRIPTOR + index,
    name: names[index] ?? "",
  }));
}

/**
 * The sockets that `fd://…` means: all of them, as with dockerd, the one with this number (`fd://4`), or those of one name
 * (`fd://berth-tls`), of which systemd passes on several where the unit has several `ListenStream=`.
 * @throws InvalidParameter in dockerd's words
 */
export function chosenSockets(address: string, sockets: readonly ActivatedSocket[]): ActivatedSocket[] {
  if (sockets.length === 0) {
    throw invalidParameter(
      "no sockets found via socket activation: make sure the service was started by systemd",
    );
  }
  const which = address.slice("fd://".length);
  if (which === "" || which === "*") return [...sockets];
  const isNumber = /^\d+$/.test(which);
  const chosen = sockets.filter(({ descriptor, name }) =>
    isNumber ? descriptor === Number(which) : name === which,
  );
  if (chosen.length > 0) return chosen;
  if (isNumber) throw invalidParameter("too few socket activated files passed in by systemd");
  const names = sockets.map(({ name }) => JSON.stringify(name)).join(", ");
  throw invalidParameter(`systemd passes on no socket called ${JSON.stringify(which)}, but ${names}`);
}

/** No program that the daemon starts shall take the sockets for its own. */
export function forgetActivation(): void {
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete process.env[name];
}

/** The path that a Unix socket is bound to (proc(5), /proc/net/unix); `undefined` for other sockets. */
export function unixPathOf(descriptor: number): string | undefined {
  const inode = inodeOf(descriptor);
  for (const line of tableOf("unix").split("\n").slice(1)) {
    const [, found, path] = /^\S+: \S+ \S+ \S+ \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
    if (found === inode) return path;
  }
  return undefined;
}

/** @throws InvalidParameter for a descriptor that is none of a socket */
function inodeOf(descriptor: number): string {
  const inode = /^socket:\[(\d+)\]$/.exec(linkOf(descriptor))?.[1];
  if (inode === undefined) throw invalidParameter(`descriptor ${descriptor} of systemd is no socket`);
  return inode;
}

/** The local address of a socket of TCP as /proc/net/tcp has it, in hexadecimal; `undefined` for other sockets. */
export function tcpAddressOf(descriptor: number): string | undefined {
  const inode = inodeOf(descriptor);
  for (const table of ["tcp", "tcp6"]) {
    for (const line of tableOf(table).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[9] === inode) return fields[1]?.split(":")[0];
    }
  }
  return undefined;
}

function linkOf(descriptor: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return "";
  }
}

/** A kernel without IPv6 has no table of it. */
function tableOf(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, "utf8");
  } catch {
    return "";
  }
}

/** 127.0.0.0/8 in the order of bytes of a little-endian machine, also as an IPv6 address, and ::1. */
export function isLoopbackInProc(address: string): boolean {
  return /^(?:0000000000000000FFFF0000)?[0-9A-F]{6}7F$/.test(address) || /^0{24}01000000$/.test(address);
}
