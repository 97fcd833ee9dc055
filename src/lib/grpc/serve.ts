import { performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import {
  decodeMetadata,
  FrameDecoder,
  frame,
  GrpcError,
  GrpcStatus,
  METHODS,
  type Metadata,
  SERVING,
} from "../buildkit/index.ts";
import { messageOf } from "../errors.ts";

/** One call that the peer makes. */
export interface ServedCall {
  readonly metadata: Metadata;
  readonly received: AsyncIterable<Buffer>;
  /** Aborts when the peer gives the call up, or is gone. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for more. */
  send(message: Uint8Array): Promise<void>;
}

/** Answers a call; what it throws is told to the peer. */
export type Handler = (call: ServedCall) => Promise<void>;

/** By the path of the method. */
export type Handlers = ReadonlyMap<string, Handler>;

export interface Serving {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  close(): void;
}

const MESSAGE_LENGTH_MAX = 16 * 1024;

/** Answers with one message for one. */
export function unary(
  answer: (request: Uint8Array, call: ServedCall) => Uint8Array | Promise<Uint8Array>,
): Handler {
  return async (call) => {
    for await (const request of call.received) return call.send(await answer(request, call));
    throw new GrpcError(GrpcStatus.internal, "the call has no message");
  };
}

const HEALTH: Handler = unary(() => SERVING);

/**
 * The answering side of gRPC over a connection that was upgraded to HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md), until it is
 * closed.
 * @param bounds what a peer may send of headers, where it is not trusted: lists of patterns go as headers, too
 */
export function serveCalls(
  socket: Duplex,
  handlers: Handlers,
  bounds: { readonly headerPairs?: number; readonly headerBytes?: number } = {},
): Serving {
  const closed = Promise.withResolvers<void>();
  const { headerPairs, headerBytes } = bounds;
  const session = performServerHandshake(socket, {
    ...(headerPairs === undefined ? {} : { maxHeaderListPairs: headerPairs }),
    ...(headerBytes === undefined ? {} : { settings: { maxHeaderListSize: headerBytes } }),
  });
  session.on("error", () => {});
  const close = () => {
    session.destroy();
    socket.destroy();
  };
  session.once("close", () => closed.resolve());
  socket.once("close", () => closed.resolve());
  // Who closes its half has nothing left to ask.
  socket.once("end", close);
  session.on("stream", (stream, headers, _flags, raw?: readonly string[]) => {
    stream.on("error", () => {});
    const path = String(headers[":path"]);
    const handler = path === METHODS.health ? HEALTH : handlers.get(path);
    void answer(stream, decodeMetadata(listsOf(headers, raw)), path, handler);
  });
  return { closed: closed.promise, close };
}

/** A header that came several times is several values: joined, those that hold a comma could not be told apart. */
function listsOf(
  headers: Readonly<Record<string, unknown>>,
  raw: readonly string[] | undefined,
): Record<string, string[]> {
  const lists: Record<string, string[]> = {};
  if (raw === undefined || raw.length === 0) {
    for (const [name, value] of Object.entries(headers)) lists[name] = [value].flat().map(String);
    return lists;
  }
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const list = lists[raw[at]!];
    if (list === undefined) lists[raw[at]!] = [raw[at + 1]!];
    else list.push(raw[at + 1]!);
  }
  return lists;
}

async function answer(
  stream: ServerHttp2Stream,
  metadata: Metadata,
  path: string,
  handler: Handler | undefined,
): Promise<void> {
  const gone = new AbortController();
  stream.once("close", () => gone.abort(new GrpcError(GrpcStatus.cancelled, "context canceled")));
  let trailers: Record<string, string> = { "grpc-status": String(GrpcStatus.ok) };
  stream.on("wantTrailers", () => {
    if (!stream.destroyed) stream.sendTrailers(trailers);
  });
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  try {
    if (handler === undefined) throw new GrpcError(GrpcStatus.unimplemented, `unknown method ${path}`);
    await handler({ metadata, received: messages(stream), signal: gone.signal, send: sender(stream) });
  } catch (error) {
    trailers = trailersOf(error);
  }
  if (!stream.destroyed) stream.end();
}

function trailersOf(error: unknown): Record<string, string> {
  const status = error instanceof GrpcError ? error.status : GrpcStatus.unknown;
  const details = error instanceof GrpcError ? error.details : undefined;
  return {
    "grpc-status": String(status),
    "grpc-message": encodeURIComponent(messageOf(error).slice(0, MESSAGE_LENGTH_MAX).toWellFormed()),
    ...(details === undefined
      ? {}
      : { "grpc-status-details-bin": Buffer.from(details).toString("base64").replace(/=+$/, "") }),
  };
}

async function* messages(stream: ServerHttp2Stream): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new FrameDecoder();
  // Whoever leaves early goes on with the stream: its status is still to be sent.
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const bytes of chunks) yield* decoder.push(bytes);
  decoder.end();
}

/**
 * Sends messages one after the other: one that Bun 1.4's HTTP/2 is given while it hands on what has just come, as a connection
 * within a call does, may get lost.
 */
function sender(stream: ServerHttp2Stream): (message: Uint8Array) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (message) => {
    const framed = frame(message);
    last = last.then(() => write(stream, framed));
    return last;
  };
}

function write(stream: ServerHttp2Stream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new GrpcError(GrpcStatus.cancelled, "the peer has gone"));
    if (stream.destroyed) return gone();
    stream.once("close", gone);
    stream.write(bytes, (error) => {
      stream.off("close", gone);
      if (error) gone();
      else resolve();
    });
  });
}
