import type { SocketHost } from "../ports/sockets.ts";
import { answers, type Question, RCODE, rcodeOf } from "./message.ts";
import type { Transport, Upstream } from "./resolver.ts";

const PORT = 53;
/** Then the next server is asked too; whoever answers first is heard. */
const HEDGE_MS = 350;
/** A client asks again after five seconds. */
const GIVE_UP_MS = 4500;
/** Questions under way of one container; more get a failure at once. */
const ASKING_MAX = 512;
const TCP_BYTES_MAX = 65535 + 2;

export interface NameServer {
  readonly address: string;
  readonly port?: number;
}

/**
 * The name servers of the world outside. One that does not answer holds nobody up: the next one is asked a little
 * later, at once where a server refuses, and the one that answered last is asked first.
 */
export class NameServers implements Upstream {
  readonly #servers: readonly NameServer[];
  readonly #host: SocketHost;
  /** Index of the server that answered last. */
  #good = 0;
  #asking = 0;

  /** @param host from where they are asked: the host's network, or the container's own */
  constructor(servers: readonly NameServer[], host: SocketHost) {
    this.#servers = servers;
    this.#host = host;
  }

  async ask(query: Uint8Array, question: Question, transport: Transport): Promise<Uint8Array | undefined> {
    if (this.#asking >= ASKING_MAX) return undefined;
    this.#asking++;
    try {
      return await this.#askAll(query, question, transport);
    } finally {
      this.#asking--;
    }
  }

  /** The first good answer; else the first bad one, which says more than nothing. */
  async #askAll(
    query: Uint8Array,
    question: Question,
    transport: Transport,
  ): Promise<Uint8Array | undefined> {
    const ended = new AbortController();
    const result = Promise.withResolvers<Uint8Array | undefined>();
    let fallback: Uint8Array | undefined;
    let next = 0;
    let waiting = 0;
    let hedge: ReturnType<typeof setTimeout> | undefined;
    const askNext = () => {
      clearTimeout(hedge);
      if (ended.signal.aborted) return;
      if (next >= this.#servers.length) {
        if (waiting === 0) result.resolve(fallback);
        return;
      }
      const index = (this.#good + next++) % this.#servers.length;
      hedge = setTimeout(askNext, HEDGE_MS);
      waiting++;
      void this.#askOne(this.#servers[index]!, query, question, transport, ended.signal).then((answer) => {
        waiting--;
        if (answer !== undefined && isGood(answer)) {
          this.#good = index;
          result.resolve(answer);
          return;
        }
        fallback ??= answer;
        askNext();
      });
    };
    const giveUp = setTimeout(() => result.resolve(fallback), GIVE_UP_MS);
    askNext();
    const answer = await result.promise;
    clearTimeout(giveUp);
    clearTimeout(hedge);
    ended.abort();
    return answer;
  }

  /** Undefined where there is no answer, for whatever reason; never throws. */
  #askOne(
    server: NameServer,
    query: Uint8Array,
    question: Question,
    transport: Transport,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const ask = transport === "udp" ? askUdp : askTcp;
    return ask(this.#host, server, query, question, signal).catch(() => undefined);
  }
}

function isGood(answer: Uint8Array): boolean {
  const rcode = rcodeOf(answer);
  return rcode !== RCODE.serverFailure && rcode !== RCODE.refused;
}

type Answer = Uint8Array | undefined;

/** A way to one server for one question. */
interface Line {
  /** @returns whether the question is on its way */
  send(): boolean;
  close(): void;
}

/** @param dial tells what comes of the question, once or more often: only the first word counts */
async function askBy(dial: (tell: (answer: Answer) => void) => Promise<Line>, signal: AbortSignal) {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const line = await dial(resolve);
  const stop = () => resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return signal.aborted || !line.send() ? undefined : await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    line.close();
  }
}

/** A socket for each question: its port is one more thing that a forger would have to guess. */
function askUdp(
  host: SocketHost,
  server: NameServer,
  query: Uint8Array,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  return askBy(async (tell) => {
    const socket = await host.start(() =>
      Bun.udpSocket({
        // A socket is born for IPv4 unless it is told where it is.
        hostname: server.address.includes(":") ? "::" : "0.0.0.0",
        connect: { hostname: server.address, port: server.port ?? PORT },
        socket: {
          data(_socket, bytes) {
            if (answers(bytes, query, question)) tell(Uint8Array.from(bytes));
          },
          error: () => tell(undefined),
        },
      }),
    );
    return { send: () => socket.send(query), close: () => socket.close() };
  }, signal);
}

function askTcp(
  host: SocketHost,
  server: NameServer,
  query: Uint8Array,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  let heard = Buffer.alloc(0);
  return askBy(async (tell) => {
    const socket = await host.start(() =>
      Bun.connect({
        hostname: server.address,
        port: server.port ?? PORT,
        socket: {
          data(_socket, bytes) {
            heard = Buffer.concat([heard, bytes]);
            const answer = firstMessage(heard);
            if (answer !== undefined) tell(answers(answer, query, question) ? answer : undefined);
            else if (heard.length > TCP_BYTES_MAX) tell(undefined);
          },
          close: () => tell(undefined),
          error: () => tell(undefined),
        },
      }),
    );
    return { send: () => socket.write(framed(query)) >= 0, close: () => socket.terminate() };
  }, signal);
}

/** By TCP a message follows its length in two bytes (RFC 1035, 4.2.2). */
export function framed(message: Uint8Array): Uint8Array {
  const out = new Uint8Array(message.length + 2);
  new DataView(out.buffer).setUint16(0, message.length);
  out.set(message, 2);
  return out;
}

/** The first whole message of what came by TCP; undefined where it is not whole yet. */
export function firstMessage(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 2) return undefined;
  const length = (bytes[0]! << 8) | bytes[1]!;
  return bytes.length < 2 + length ? undefined : bytes.slice(2, 2 + length);
}
