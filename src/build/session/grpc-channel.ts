import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import {
  encodeMetadata,
  FrameDecoder,
  frame,
  GrpcError,
  GrpcStatus,
  type Metadata,
} from "../../lib/buildkit/index.ts";
import { log, messageOf } from "../../lib/index.ts";

const HEADER_BYTES_MAX = 64 * 1024;
/** How much may have come of a call before it was asked for. */
const QUEUED_BYTES_MAX = 1 << 20;
/** Of what a peer says of its failures. */
const MESSAGE_LENGTH_MAX = 4096;

export interface CallOptions {
  readonly metadata?: Metadata;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/**
 * The calling side of gRPC over a connection that was upgraded to HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md). The peer, who is the
 * client of the API, is hostile: messages, headers and what is buffered are bounded.
 *
 * The windows of flow control are left at 64 KiB: after `setLocalWindowSize` Bun 1.4 no longer gives the peer leave to send more.
 */
export class GrpcChannel {
  readonly #session: ClientHttp2Session;
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(socket: Duplex) {
    this.#session = connect("http://localhost", {
      createConnection: () => socket,
      maxHeaderListPairs: 256,
      settings: {
        enablePush: false,
        maxHeaderListSize: HEADER_BYTES_MAX,
      },
    });
    this.#session.on("error", (error) =>
      log.debug("a session's connection failed", { error: messageOf(error) }),
    );
    this.#session.once("close", () => this.#end());
    // A client that closes its half is gone: it has nothing left to answer with.
    socket.once("end", () => this.close()).once("close", () => this.close());
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  close(): void {
    this.#session.destroy();
    this.#end();
  }

  #end(): void {
    this.#isClosed = true;
    this.#closed.resolve();
  }

  /** One message for one. @throws GrpcError; the signal's reason */
  async unary(path: string, request: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    await using call = this.call(path, options);
    await call.send(request);
    call.end();
    let answer: Uint8Array | undefined;
    for await (const message of call.received) answer ??= message.slice();
    if (answer === undefined)
      throw new GrpcError(GrpcStatus.internal, "the call was answered without a message");
    return answer;
  }

  /** Messages both ways. Dispose of it: a call that has not ended is cancelled. */
  call(path: string, options: CallOptions = {}): GrpcCall {
    if (this.#isClosed || this.#session.destroyed) throw gone();
    const stream = this.#session.request(
      {
        ":method": "POST",
        ":path": path,
        ":scheme": "http",
        ":authority": "localhost",
        "content-type": "application/grpc",
        te: "trailers",
        "user-agent": "grpc-berth",
        ...(options.timeoutMs === undefined ? {} : { "grpc-timeout": `${options.timeoutMs}m` }),
        ...encodeMetadata(options.metadata ?? {}),
      },
      { endStream: false },
    );
    return new GrpcCall(stream, options);
  }
}

const gone = () => new GrpcError(GrpcStatus.unavailable, "the client's session has ended");

/** One call that goes on. */
export class GrpcCall implements AsyncDisposable {
  readonly #stream: ClientHttp2Stream;
  readonly #signal: AbortSignal | undefined;
  readonly #decoder = new FrameDecoder();
  readonly #abort = () => this.cancel(this.#signal?.reason);
  readonly #timer: Timer | undefined;
  #headers: IncomingHttpHeaders = {};
  #failure: unknown;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #ended = false;
  #wake = () => {};
  /** Messages as they come. */
  readonly received: AsyncIterable<Buffer>;

  constructor(stream: ClientHttp2Stream, { signal, timeoutMs }: CallOptions) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on("error", (error) => {
      this.#failure ??= error;
      this.#wake();
    });
    const take = (headers: IncomingHttpHeaders) => {
      this.#headers = { ...this.#headers, ...headers };
    };
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    stream
      .on("response", take)
      .on("trailers", take)
      .on("data", (bytes: Buffer) => this.#take(bytes));
    // The status comes with the end or right behind it.
    stream.once("end", () => void setImmediate(end)).once("close", end);
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener("abort", this.#abort, { once: true });
    if (timeoutMs !== undefined) {
      const late = () => this.cancel(new GrpcError(GrpcStatus.deadlineExceeded, "context deadline exceeded"));
      this.#timer = setTimeout(late, timeoutMs);
      this.#timer.unref();
    }
    this.received = this.#messages();
  }

  /** Resolves when there is room for more. @throws GrpcError where the call has ended */
  async send(message: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#reason();
    if (this.#stream.destroyed || this.#stream.writableEnded) throw this.#reason();
    if (this.#stream.write(frame(message))) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#stream.off("drain", done).off("close", done).off("error", done);
        resolve();
      };
      this.#stream.on("drain", done).on("close", done).on("error", done);
    });
  }

  /** Nothing more is sent. */
  end(): void {
    if (!this.#stream.destroyed) this.#stream.end();
  }

  cancel(reason: unknown = new GrpcError(GrpcStatus.cancelled, "context canceled")): void {
    this.#failure ??= reason;
    this.#wake();
    this.#stream.close(CANCEL);
    this.#stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#abort);
    clearTimeout(this.#timer);
    if (!this.#stream.closed) this.cancel();
  }

  /** A message of a few bytes comes in a frame of its own, tens of thousands of them: Node's own iteration takes 20 µs for each. */
  #take(bytes: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      for (const message of this.#decoder.push(bytes)) this.#queue.push(message);
      this.#queuedBytes += bytes.length;
      if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#stream.pause();
    } catch (error) {
      this.cancel(error);
    }
    this.#wake();
  }

  async *#messages(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const queue = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      if (this.#stream.isPaused()) this.#stream.resume();
      for (const message of queue) {
        if (this.#failure !== undefined) throw this.#reason();
        yield message;
      }
      if (this.#queue.length > 0) continue;
      if (this.#ended || this.#failure !== undefined) break;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    if (this.#failure !== undefined) throw this.#reason();
    const status = statusOf(this.#headers);
    if (status !== undefined) throw status;
    this.#decoder.end();
  }

  /** What the peer says counts most, unless we gave up ourselves. */
  #reason(): unknown {
    if (this.#signal?.aborted) return this.#signal.reason;
    if (this.#failure instanceof GrpcError) return this.#failure;
    return (
      (this.#headers["grpc-status"] === undefined ? undefined : statusOf(this.#headers)) ??
      new GrpcError(GrpcStatus.unavailable, gone().message, { cause: this.#failure })
    );
  }
}

/** HTTP/2's error code (RFC 9113, section 7). */
const CANCEL = 8;

/** How a call failed; undefined where it did not. */
function statusOf(headers: IncomingHttpHeaders): GrpcError | undefined {
  const http = Number(headers[":status"] ?? 0);
  const code = headers["grpc-status"];
  if (code === undefined) {
    return new GrpcError(
      GrpcStatus.unavailable,
      http === 200 ? gone().message : `unexpected HTTP status ${http}`,
    );
  }
  if (code === "0") return undefined;
  const message = decodeMessage(String(headers["grpc-message"] ?? "")).slice(0, MESSAGE_LENGTH_MAX);
  const status = Number(code);
  return new GrpcError(Number.isInteger(status) ? status : GrpcStatus.unknown, message || `status ${code}`);
}

function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
