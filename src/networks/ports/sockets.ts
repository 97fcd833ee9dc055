import type { Socket, TCPSocketListenOptions } from "bun";
import { formatAddress, type IpAddress } from "../cidr.ts";
import type { Protocol } from "./requests.ts";
import { relayUdp } from "./udp-relay.ts";

/** Where a connection that arrives at the daemon's own socket goes. */
export interface ForwardTarget {
  readonly address: IpAddress;
  readonly port: number;
}

/** A port of the host that is ours as long as this is open. */
export interface HeldPort {
  /** What arrives from now on goes there. */
  retarget(target: ForwardTarget): void;
  close(): void;
}

export interface HoldOptions {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: number;
  /** Absent: what arrives is dropped. */
  readonly target?: ForwardTarget;
}

/** Where the host's sockets are; a test's host is a namespace of its own. */
export interface SocketHost {
  run<T>(work: () => T): T;
  start<T>(begin: () => Promise<T>): Promise<T>;
}

/** Bytes that wait for a slow peer; beyond this the other side is not read. */
const QUEUE_BYTES_MAX = 256 * 1024;

/**
 * Takes a host port, so that no other program can, and so that `ss -l` shows whose it is.
 *
 * The packet filter leads connections to the container before they reach this socket. What does arrive here
 * comes ways that the filter cannot lead: over IPv6 to a container that has none (`[::1]:8080`), from a
 * loopback address other than 127.0.0.1, or while somebody has flushed the filter. It is forwarded.
 *
 * Undefined where there is nothing to hold: Bun opens no SCTP sockets.
 * @throws the socket's error, with `code` `EADDRINUSE`, `EADDRNOTAVAIL` or `EACCES`
 */
export async function holdPort(options: HoldOptions, host: SocketHost): Promise<HeldPort | undefined> {
  const hostname = formatAddress(options.address);
  if (options.protocol === "tcp") return listen(hostname, options, host);
  if (options.protocol === "udp") return await relayUdp(options, host);
  return undefined;
}

/** Whether `holdPort` forwards what arrives there. */
export function canForward(protocol: Protocol): boolean {
  return protocol !== "sctp";
}

/** One direction of a forwarded connection: what `to` has not taken yet, and whom to hold up meanwhile. */
interface Side {
  peer?: Socket<Side>;
  waiting: Uint8Array[];
  waitingBytes: number;
  ended: boolean;
}

const newSide = (): Side => ({ waiting: [], waitingBytes: 0, ended: false });

function listen(hostname: string, options: HoldOptions, host: SocketHost): HeldPort {
  const connections = new Set<Socket<Side>>();
  let { target } = options;
  // `ipv6Only` is missing from Bun's types for listeners, not from Bun: without it `::` takes IPv4's port too.
  const where: TCPSocketListenOptions<Side> & { ipv6Only: boolean } = {
    hostname,
    port: options.port,
    ipv6Only: options.address.family === 6,
    allowHalfOpen: true,
    socket: {
      ...handlers,
      open(client) {
        client.data = newSide();
        connections.add(client);
        client.pause();
        forward(client, target, host);
      },
      close(client) {
        connections.delete(client);
        client.data.peer?.terminate();
      },
    },
  };
  const listener = host.run(() => Bun.listen<Side>(where));
  return {
    retarget(next) {
      target = next;
    },
    close() {
      listener.stop(true);
      for (const connection of connections) connection.terminate();
    },
  };
}

function forward(client: Socket<Side>, target: ForwardTarget | undefined, host: SocketHost): void {
  if (target === undefined) {
    client.terminate();
    return;
  }
  const { address, port } = target;
  const data = newSide();
  data.peer = client;
  const connecting = host.start(() =>
    Bun.connect<Side>({
      hostname: formatAddress(address),
      port,
      data,
      allowHalfOpen: true,
      socket: {
        ...handlers,
        open(server) {
          client.data.peer = server;
          client.resume();
        },
        close(server) {
          finish(server);
        },
      },
    }),
  );
  connecting.catch(() => client.terminate());
}

const handlers = {
  data(from: Socket<Side>, bytes: Uint8Array) {
    const to = from.data.peer;
    if (to === undefined) return;
    send(to, from, bytes);
  },
  drain(to: Socket<Side>) {
    const side = to.data;
    while (side.waiting.length > 0) {
      const bytes = side.waiting[0]!;
      const taken = Math.max(to.write(bytes), 0);
      side.waitingBytes -= taken;
      if (taken < bytes.length) {
        side.waiting[0] = bytes.subarray(taken);
        return;
      }
      side.waiting.shift();
    }
    if (side.ended) to.shutdown();
    else side.peer?.resume();
  },
  end(from: Socket<Side>) {
    const to = from.data.peer;
    if (to === undefined) return;
    to.data.ended = true;
    if (to.data.waiting.length === 0) to.shutdown();
  },
  error() {},
};

/** Sends what the peer takes now, keeps the rest, and stops reading once too much is kept. */
function send(to: Socket<Side>, from: Socket<Side>, bytes: Uint8Array): void {
  const side = to.data;
  const taken = side.waiting.length === 0 ? Math.max(to.write(bytes), 0) : 0;
  if (taken === bytes.length) return;
  // The bytes are only ours during the call.
  const rest = bytes.slice(taken);
  side.waiting.push(rest);
  side.waitingBytes += rest.length;
  if (side.waitingBytes > QUEUE_BYTES_MAX) from.pause();
}

/** The container's side is gone: what it said last still goes to the client. */
function finish(server: Socket<Side>): void {
  const client = server.data.peer;
  if (client === undefined) return;
  client.data.ended = true;
  if (client.data.waiting.length === 0) client.end();
}
