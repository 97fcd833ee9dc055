import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { asCaller } from "../lib/caller/index.ts";
import { conflict, systemError } from "../lib/index.ts";
import type { Static, TSchema } from "../wire/index.ts";
import type { Answer, SocketAnswer } from "./answer.ts";
import { bodyOf, readJson } from "./body.ts";
import { callerOf, type UserOfSocket } from "./caller.ts";
import type { Query } from "./query.ts";
import type { Hijacked } from "./streams/hijacked.ts";
import { ClientGone, send } from "./streams/writing.ts";

/** The socket of a request with an `Upgrade` header, and what arrived behind the request's body. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Until somebody takes the socket over. */
  readonly answer: SocketAnswer;
}

/** Opens a file that a client has open, as it says in a header. @throws Conflict where that cannot be had */
export type OpenOffered = (offer: string) => AsyncIterable<Uint8Array>;

/** One request and its answer. */
export class Call {
  readonly request: IncomingMessage;
  readonly response: Answer;
  /** The API's minor version that the client speaks: 51 for v1.51. */
  readonly minor: number;
  /** Without version and query. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Sent with every answer. */
  readonly #headers: OutgoingHttpHeaders;
  readonly #upgrade: Upgrade | undefined;
  readonly #onAnswer: () => void;
  readonly #userOfSocket: UserOfSocket;
  readonly #openOffered: OpenOffered | undefined;
  readonly #isNetwork: boolean;
  #abort: AbortController | undefined;

  constructor(init: {
    request: IncomingMessage;
    response: Answer;
    minor: number;
    path: string;
    params: Readonly<Record<string, string>>;
    query: Query;
    headers: OutgoingHttpHeaders;
    upgrade?: Upgrade;
    /** Called when an answer begins that may go on for any time. */
    onAnswer?: () => void;
    userOfSocket?: UserOfSocket | undefined;
    openOffered?: OpenOffered | undefined;
    isNetwork?: boolean;
  }) {
    this.request = init.request;
    this.response = init.response;
    this.minor = init.minor;
    this.path = init.path;
    this.params = init.params;
    this.query = init.query;
    this.#headers = init.headers;
    this.#upgrade = init.upgrade;
    this.#onAnswer = init.onAnswer ?? (() => {});
    this.#userOfSocket = init.userOfSocket ?? (() => undefined);
    this.#openOffered = init.openOffered;
    this.#isNetwork = init.isNetwork ?? false;
  }

  /** A part of the path; the route says that it is there. */
  param(name: string): string {
    return this.params[name] ?? "";
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** Whether it came over a Unix socket and through no other door: descriptors mean something on one machine only. */
  get isOnSocket(): boolean {
    const { socket } = this.request;
    const isEncrypted = "encrypted" in socket && socket.encrypted === true;
    return !this.#isNetwork && !isEncrypted && socket.remoteAddress === undefined;
  }

  /** Does something in the name of who asks, for whatever records it. To be called before the body is read. */
  onBehalf<T>(work: () => T): T {
    return asCaller(callerOf(this.request, this.#userOfSocket), work);
  }

  /** Aborts when the client goes away before its answer is complete. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      // A hijacked connection has left the response: its end is the socket's.
      (this.#upgrade?.socket ?? this.response).once("close", () => abort.abort(new ClientGone()));
      if (this.request.socket.destroyed) abort.abort(new ClientGone());
    }
    return this.#abort.signal;
  }

  /** The JSON body, validated; `undefined` where the client sent none. @throws as `readJson` */
  body<S extends TSchema>(name: string, schema: S): Promise<Static<S> | undefined> {
    return readJson(this.request, name, schema);
  }

  /** The body as it comes in, no faster than it is read. Can be read once. */
  bytes(): AsyncIterable<Uint8Array> {
    return bodyOf(this.request);
  }

  /**
   * The body, or the file that a client on this machine has open in its place. To be read once, to its end or not.
   * @throws Conflict where that file cannot be had: the client then sends the body
   */
  upload(): AsyncIterable<Uint8Array> {
    const offer = this.header("x-berth-body-fd");
    if (offer === undefined) return this.bytes();
    if (!this.isOnSocket || this.#openOffered === undefined)
      throw conflict("X-Berth-Body-Fd is for clients on a Unix socket");
    return this.#openOffered(offer);
  }

  json(status: number, value: unknown, headers?: OutgoingHttpHeaders): void {
    const text = Buffer.from(`${JSON.stringify(value)}\n`);
    this.#head(status, { "Content-Type": "application/json", "Content-Length": text.length, ...headers });
    this.response.end(text);
  }

  text(status: number, text: string, headers?: OutgoingHttpHeaders): void {
    this.#head(status, {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": Buffer.byteLength(text),
      ...headers,
    });
    // To HEAD the length is told and nothing sent.
    this.response.end(this.request.method === "HEAD" ? undefined : text);
  }

  /** An answer without a body. */
  empty(status: number, headers?: OutgoingHttpHeaders): void {
    // 204 and 304 have no length (RFC 9110, 8.6).
    this.#head(status, status === 204 || status === 304 ? headers : { "Content-Length": 0, ...headers });
    this.response.end();
  }

  /** Begins an answer of unknown length; the head goes out at once. */
  begin(contentType: string, headers?: OutgoingHttpHeaders): void {
    this.#onAnswer();
    this.#head(200, { "Content-Type": contentType, ...headers });
    this.response.flushHeaders();
  }

  /** A piece of an answer that has begun. @throws ClientGone */
  send(bytes: Uint8Array | string): Promise<void> | undefined {
    return send(this.response, bytes);
  }

  end(): void {
    this.response.end();
  }

  /**
   * Sends a stream of bytes, each piece of which need only hold until the next is asked for. The head waits for the first
   * of them: until then a failure can still be told.
   * @throws whatever the stream throws, before or after
   */
  async stream(
    contentType: string,
    source: AsyncIterable<Uint8Array>,
    headers?: OutgoingHttpHeaders,
  ): Promise<void> {
    const iterator = source[Symbol.asyncIterator]();
    const first = await iterator.next();
    this.begin(contentType, headers);
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) {
        // Bun's response has sent or copied what it was given; the bare socket of an upgrade that nobody granted keeps it.
        const wait = this.send(this.#upgrade === undefined ? next.value : next.value.slice());
        if (wait !== undefined) await wait;
      }
    } catch (error) {
      await iterator.return?.();
      throw error;
    }
    this.end();
  }

  get upgradeRequested(): boolean {
    return this.#upgrade !== undefined;
  }

  /**
   * Takes the connection over, after the body was read. A client that asked for an upgrade gets `101
   * UPGRADED` and the bare socket. To others the answer is a body without end, and their input is what follows
   * of the request's body.
   */
  hijack(contentType: { upgraded: string; plain: string }): Hijacked {
    if (this.response.headersSent) throw systemError("the connection was already answered");
    if (this.#upgrade !== undefined) {
      const { socket, head, answer } = this.#upgrade;
      this.#onAnswer();
      answer.handOver();
      socket.write(this.#switchingProtocols("tcp", { "Content-Type": contentType.upgraded }));
      return { source: socket, first: head, target: socket };
    }
    // Raw clients read what follows the head as it is: no chunks.
    this.response.useChunkedEncodingByDefault = false;
    this.response.shouldKeepAlive = false;
    this.begin(contentType.plain);
    return { source: this.request, target: this.response };
  }

  /** The bare socket of a WebSocket handshake, answered with these headers; `undefined` where there was none. */
  switchTo(protocol: string, headers: Record<string, string>): Upgrade | undefined {
    if (this.#upgrade === undefined) return undefined;
    const { socket, answer } = this.#upgrade;
    this.#onAnswer();
    answer.handOver();
    socket.write(this.#switchingProtocols(protocol, headers));
    return this.#upgrade;
  }

  #switchingProtocols(protocol: string, headers: Record<string, string>): string {
    const lines = Object.entries({ ...headers, Connection: "Upgrade", Upgrade: protocol, ...this.#headers });
    return `HTTP/1.1 101 UPGRADED\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  }

  #head(status: number, headers: OutgoingHttpHeaders | undefined): void {
    this.response.writeHead(status, { ...this.#headers, ...headers });
  }
}
