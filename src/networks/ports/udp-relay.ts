import type { udp } from "bun";
import { formatAddress, type IpAddress } from "../cidr.ts";
import type { ForwardTarget, HeldPort, SocketHost } from "./sockets.ts";

/** Clients at a time; of more, the one that was heard longest ago is forgotten. */
const CLIENTS_MAX = 1024;
/** What a client may send before its socket is open. */
const WAITING_MAX = 32;
/** How long a silent client keeps its socket, as with Docker's proxy and the kernel's connection tracking. */
const IDLE_MS = 90_000;
const SWEEP_MS = 30_000;
/** Of Bun's sockets (uSockets, `LIBUS_SOCKET_IPV6_ONLY`): without it `::` takes IPv4's port too. */
const IPV6_ONLY = 8;

type Connected = udp.ConnectedSocket<"buffer">;

/** Somebody who sends to the port, and the socket that speaks to the container for him. */
interface Client {
  socket: Connected | undefined;
  waiting: Uint8Array[];
  heardAt: number;
  forgotten: boolean;
}

/**
 * Takes a UDP port of the host, and forwards what arrives there: the packet filter leads all that it can to the
 * container before it reaches this socket. What is left comes over IPv6 for a container that has none.
 * @throws the socket's error, with `code`
 */
export async function relayUdp(
  options: { readonly address: IpAddress; readonly port: number; readonly target?: ForwardTarget },
  host: SocketHost,
): Promise<HeldPort> {
  const relay = new UdpRelay(options.target, host);
  const where = {
    hostname: formatAddress(options.address),
    port: options.port,
    ...(options.address.family === 6 ? { flags: IPV6_ONLY } : {}),
  };
  const socket = await host.start(() =>
    Bun.udpSocket({
      ...where,
      socket: { data: (_socket, bytes, port, address) => relay.hear(bytes, port, address), error() {} },
    }),
  );
  relay.answerBy((bytes, port, address) => void socket.send(bytes, port, address));
  return {
    retarget: (target) => relay.retarget(target),
    close() {
      socket.close();
      relay.close();
    },
  };
}

class UdpRelay {
  readonly #host: SocketHost;
  #target: ForwardTarget | undefined;
  /** By address and port, those that were heard last at the end. */
  readonly #clients = new Map<string, Client>();
  #answer: (bytes: Uint8Array, port: number, address: string) => void = () => {};
  #sweep: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(target: ForwardTarget | undefined, host: SocketHost) {
    this.#target = target;
    this.#host = host;
  }

  answerBy(answer: (bytes: Uint8Array, port: number, address: string) => void): void {
    this.#answer = answer;
  }

  hear(bytes: Uint8Array, port: number, address: string): void {
    const target = this.#target;
    if (target === undefined) return;
    const key = `${address} ${port}`;
    const client = this.#clients.get(key) ?? this.#welcome(key, target, port, address);
    client.heardAt = performance.now();
    this.#clients.delete(key);
    this.#clients.set(key, client);
    if (client.socket !== undefined) client.socket.send(bytes);
    // The bytes are only ours during the call.
    else if (client.waiting.length < WAITING_MAX) client.waiting.push(Uint8Array.from(bytes));
  }

  retarget(target: ForwardTarget): void {
    this.#target = target;
    this.#forgetAll();
  }

  close(): void {
    this.#closed = true;
    this.#answer = () => {};
    this.#forgetAll();
  }

  #welcome(key: string, target: ForwardTarget, port: number, address: string): Client {
    const client: Client = { socket: undefined, waiting: [], heardAt: 0, forgotten: false };
    for (const [oldest] of this.#clients) {
      if (this.#clients.size < CLIENTS_MAX) break;
      this.#forget(oldest);
    }
    this.#clients.set(key, client);
    this.#sweep ??= this.#startSweep();
    this.#connect(client, target, (bytes) => this.#answer(bytes, port, address)).catch(() => {
      if (this.#clients.get(key) === client) this.#forget(key);
    });
    return client;
  }

  async #connect(client: Client, target: ForwardTarget, answer: (bytes: Uint8Array) => void): Promise<void> {
    const socket = await this.#host.start(() =>
      Bun.udpSocket({
        // A socket is born for IPv4 unless it is told where it is.
        hostname: target.address.family === 6 ? "::" : "0.0.0.0",
        connect: { hostname: formatAddress(target.address), port: target.port },
        socket: {
          data(_socket, bytes) {
            client.heardAt = performance.now();
            answer(bytes);
          },
          error() {},
        },
      }),
    );
    if (this.#closed || client.forgotten) {
      socket.close();
      return;
    }
    client.socket = socket;
    for (const bytes of client.waiting.splice(0)) socket.send(bytes);
  }

  #startSweep() {
    const sweep = setInterval(() => {
      const limit = performance.now() - IDLE_MS;
      for (const [key, { heardAt }] of this.#clients) if (heardAt < limit) this.#forget(key);
      if (this.#clients.size > 0) return;
      clearInterval(sweep);
      this.#sweep = undefined;
    }, SWEEP_MS);
    sweep.unref();
    return sweep;
  }

  #forget(key: string): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    client.forgotten = true;
    client.socket?.close();
    this.#clients.delete(key);
  }

  #forgetAll(): void {
    for (const key of [...this.#clients.keys()]) this.#forget(key);
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
