import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Socket } from "node:net";
import { type AcceptedPeer, acceptedPeer, statDescriptor, unixPeer } from "../linux/index.ts";
import { clientBehind, descriptorOfSocket } from "./relay.ts";

/**
 * Who made a connection to a Unix socket, by name where the host knows one. Of one that came through another door, which
 * is a Unix socket here: that of TCP's the address outside, that of systemd's the user outside.
 */
export function userOfSocket(socket: Socket): string | undefined {
  const peers = acceptedPeers(listeningPath(socket));
  const first = peers.values().next().value;
  if (first === undefined) return undefined;
  if ("encrypted" in socket && socket.encrypted === true) return addressOutside(socket, peers);
  if (first.pid === process.pid) return userOutside(socket, peers);
  const isOneUser = [...peers.values()].every(({ uid }) => uid === first.uid);
  const peer = isOneUser ? first : peers.get(descriptorOf(socket, peers) ?? -1);
  return peer && userName(peer.uid);
}

/** Bun 1.4's `node:https` lets in whom the certificate allows, and does not tell who that was. */
function addressOutside(socket: Socket, peers: ReadonlyMap<number, AcceptedPeer>): string | undefined {
  return clientOutside(socket, peers)?.remoteAddress;
}

function userOutside(socket: Socket, peers: ReadonlyMap<number, AcceptedPeer>): string | undefined {
  const client = clientOutside(socket, peers);
  const fd = client && descriptorOfSocket(client);
  const peer = fd === undefined ? undefined : acceptedPeer(fd);
  return peer === undefined ? client?.remoteAddress : userName(peer.uid);
}

function clientOutside(socket: Socket, peers: ReadonlyMap<number, AcceptedPeer>): Socket | undefined {
  const fd = descriptorOf(socket, peers);
  const peer = fd === undefined ? undefined : unixPeer(statDescriptor(fd).ino);
  return peer === undefined ? undefined : clientBehind(peer);
}

function listeningPath(socket: Socket): string | undefined {
  const address: unknown = (socket as { server?: { address(): unknown } }).server?.address();
  return typeof address === "string" ? address : undefined;
}

/** By descriptor. */
function acceptedPeers(path: string | undefined): Map<number, AcceptedPeer> {
  const peers = new Map<number, AcceptedPeer>();
  for (const name of readdirSync("/proc/self/fd")) {
    const peer = acceptedPeer(Number(name));
    if (peer !== undefined && (path === undefined || peer.path === path)) peers.set(Number(name), peer);
  }
  return peers;
}

/**
 * Bun 1.4's `node:http` does not tell which descriptor a connection has. Where there are several, it is found out by pausing
 * this one for a moment: of all that the event loop watches only its own is then watched for something else
 * (proc_pid_fdinfo(5), `tfd`).
 */
function descriptorOf(socket: Socket, peers: ReadonlyMap<number, AcceptedPeer>): number | undefined {
  if (peers.size === 1) return peers.keys().next().value;
  const before = watched();
  socket.pause();
  const during = watched();
  socket.resume();
  const changed = [...before].filter(([fd, events]) => during.get(fd) !== events);
  return changed.length === 1 ? changed[0]![0] : undefined;
}

/** What each descriptor is watched for by the event loop. */
function watched(): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync("/proc/self/fd")) {
    if (!linkOf(name).endsWith("[eventpoll]")) continue;
    const lines = readFileSync(`/proc/self/fdinfo/${name}`, "latin1").matchAll(
      /^tfd:\s*(\d+) events:\s*([0-9a-f]+)/gm,
    );
    for (const [, fd, events] of lines) found.set(Number(fd), events!);
  }
  return found;
}

function linkOf(name: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    return "";
  }
}

/** `root`; `uid 1234` where the host has no name for it. */
function userName(uid: number): string {
  const line = passwd().find((entry) => entry.split(":")[2] === String(uid));
  return line?.split(":")[0] || `uid ${uid}`;
}

function passwd(): string[] {
  try {
    return readFileSync("/etc/passwd", "utf8").split("\n");
  } catch {
    return [];
  }
}
