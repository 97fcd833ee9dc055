import type { SocketHost } from "../ports/sockets.ts";
import { answers, type Question, RCODE, rcodeOf } from "./message.ts";
import type { Transport, Upstream } from "./resolver.ts";

const PORT = 53;
/** Then the next server is asked too; whoever answers first is heard. */
const HEDGE_MS = 350;
/** A client asks again after five seconds. */
const GIVE_UP_MS = 4500;
/** One with less patience takes two: so long a refusal waits for somebody to know better. */
const REFUSAL_MS = 1500;
/** Who left a question without any answer is not expected to answer another one for so long. */
const SILENT_MS = 30_000;
/** Questions under way of one container; more get a failure at once. */
const ASKING_MAX = 512;
const TCP_BYTES_MAX = 65535 + 2;

export interface NameServer {
  readonly address: string;
  readonly port?: number;
}

type Answer = Uint8Array | undefined;

/**
 * The name servers of the world outside. One that does not answer holds nobody up: the next one is asked a little
 * later, at once where a server refuses, and the one that answered last is asked first.
 */
export class NameServers implements Upstream {
  readonly #servers: readonly NameServer[];
  readonly #host: SocketHost;
  /** By index, until when (milliseconds of the monotonic clock) nothing is expected from a server. */
  readonly #silentUntil = new Map<number, number>();
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

  async #askAll(
    query: Uint8Array,
    question: Question,
    transport: Transport,
  ): Promise<Uint8Array | undefined> {
    const ended = new AbortController();
    const round = new Round(this.#order(), this.#silentUntil, (index) =>
      this.#askOne(this.#servers[index]!, query, question, transport, ended.signal),
    );
    const { answer, from } = await round.run();
    if (from !== undefined) this.#good = from;
    ended.abort();
    return answer;
  }

  /** The one that answered last comes first, those that are silent last. */
  #order(): readonly number[] {
    const now = performance.now();
    const all = this.#servers.map((_, at) => (this.#good + at) % this.#servers.length);
    const isSilent = (index: number) => (this.#silentUntil.get(index) ?? 0) > now;
    return [...all.filter((index) => !isSilent(index)), ...all.filter(isSilent)];
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

interface Outcome {
  readonly answer: Answer;
  /** Index of the server whose good answer it is. */
  readonly from?: number;
}

/**
 * One question to all servers, one after the other: the first good answer counts; else the first bad one, which says
 * more than nothing.
 */
class Round {
  readonly #order: readonly number[];
  readonly #silentUntil: Map<number, number>;
  readonly #ask: (index: number) => Promise<Answer>;
  readonly #result = Promise.withResolvers<Outcome>();
  readonly #began = performance.now();
  /** Servers that have yet to answer, and when they were asked. */
  readonly #waiting = new Map<number, number>();
  #next = 0;
  #ended = false;
  #refusal: Answer;
  #hedge: ReturnType<typeof setTimeout> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    order: readonly number[],
    silentUntil: Map<number, number>,
    ask: (index: number) => Promise<Answer>,
  ) {
    this.#order = order;
    this.#silentUntil = silentUntil;
    this.#ask = ask;
  }

  async run(): Promise<Outcome> {
    const giveUp = setTimeout(() => this.#give(this.#refusal), GIVE_UP_MS);
    this.#askNext();
    const outcome = await this.#result.promise;
    for (const timer of [giveUp, this.#hedge, this.#patience]) clearTimeout(timer);
    this.#ended = true;
    return outcome;
  }

  #askNext(): void {
    clearTimeout(this.#hedge);
    const index = this.#order[this.#next++];
    if (index === undefined) {
      this.#waitForTheRest();
      return;
    }
    this.#hedge = setTimeout(() => this.#askNext(), HEDGE_MS);
    this.#waiting.set(index, performance.now());
    void this.#ask(index).then((answer) => this.#heard(index, answer));
  }

  #heard(index: number, answer: Answer): void {
    if (this.#ended) return;
    this.#waiting.delete(index);
    if (answer !== undefined) this.#silentUntil.delete(index);
    if (answer !== undefined && isGood(answer)) {
      this.#result.resolve({ answer, from: index });
      return;
    }
    this.#refusal ??= answer;
    this.#askNext();
  }

  /** All have been asked, and none has given a good answer yet. */
  #waitForTheRest(): void {
    if (this.#waiting.size === 0) this.#give(this.#refusal);
    if (this.#waiting.size === 0 || this.#refusal === undefined) return;
    const now = performance.now();
    const until = Math.max(...[...this.#waiting].map(([index, asked]) => this.#worthWaiting(index, asked)));
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#give(this.#refusal), Math.max(0, until - now));
  }

  /** How long a server may take to know better than the one that refused. */
  #worthWaiting(index: number, asked: number): number {
    const silent = (this.#silentUntil.get(index) ?? 0) > asked;
    return Math.max(asked + HEDGE_MS, silent ? 0 : this.#began + REFUSAL_MS);
  }

  #give(answer: Answer): void {
    const now = performance.now();
    for (const [index, asked] of this.#waiting) {
      if (now - asked >= HEDGE_MS) this.#silentUntil.set(index, now + SILENT_MS);
    }
    this.#result.resolve({ answer });
  }
}

function isGood(answer: Uint8Array): boolean {
  const rcode = rcodeOf(answer);
  return rcode !== RCODE.serverFailure && rcode !== RCODE.refused;
}

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
