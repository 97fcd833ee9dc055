import { performServerHandshake, type ServerHttp2Stream } from "node:http2";
import {
  decodeMetadata,
  FrameDecoder,
  frame,
  GrpcError,
  GrpcStatus,
  METHODS,
  type Metadata,
  SERVING,
} from "../../../lib/buildkit/index.ts";
import { messageOf } from "../../../lib/index.ts";
import type { Connection } from "../../../sdk/index.ts";
import { asDuplex } from "./duplex.ts";

/** One call that the engine makes. */
export interface ServerCall {
  readonly metadata: Metadata;
  readonly received: AsyncIterable<Buffer>;
  /** Resolves when there is room for more. */
  send(message: Uint8Array): Promise<void>;
}

/** Answers a call; what it throws is told to the engine. */
export type Handler = (call: ServerCall) => Promise<void>;

export type Handlers = ReadonlyMap<string, Handler>;

/** Answers with one message for one. */
export function unary(answer: (request: Uint8Array, metadata: Metadata) => Promise<Uint8Array>): Handler {
  return async ({ received, metadata, send }) => {
    for await (const request of received) return send(await answer(request, metadata));
    throw new GrpcError(GrpcStatus.internal, "the call has no message");
  };
}

const HEALTH: Handler = unary(async () => SERVING);

/** Answers the engine's calls over a connection that was upgraded for it, until it is closed. */
export function serveCalls(connection: Connection, handlers: Handlers): { close(): void } {
  const session = performServerHandshake(asDuplex(connection));
  session.on("error", () => {});
  session.on("stream", (stream, headers, _flags, raw?: readonly string[]) => {
    stream.on("error", () => {});
    const path = String(headers[":path"]);
    const handler = path === METHODS.health ? HEALTH : handlers.get(path);
    void answer(stream, decodeMetadata(listsOf(headers, raw)), handler);
  });
  return {
    close() {
      session.destroy();
      connection.close();
    },
  };
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
  handler: Handler | undefined,
): Promise<void> {
  let trailers = { "grpc-status": String(GrpcStatus.ok), "grpc-message": "" };
  stream.on("wantTrailers", () => {
    if (!stream.destroyed) stream.sendTrailers(trailers);
  });
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  try {
    if (handler === undefined) throw new GrpcError(GrpcStatus.unimplemented, "unknown method");
    await handler({ metadata, received: messages(stream), send: (message) => write(stream, message) });
  } catch (error) {
    const status = error instanceof GrpcError ? error.status : GrpcStatus.unknown;
    trailers = { "grpc-status": String(status), "grpc-message": encodeURIComponent(messageOf(error)) };
  }
  if (!stream.destroyed) stream.end();
}

async function* messages(stream: ServerHttp2Stream): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new FrameDecoder();
  // Whoever leaves early goes on with the stream: its status is still to be sent.
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const bytes of chunks) yield* decoder.push(bytes);
  decoder.end();
}

async function write(stream: ServerHttp2Stream, message: Uint8Array): Promise<void> {
  if (stream.destroyed) throw new GrpcError(GrpcStatus.cancelled, "the engine has gone");
  if (stream.write(frame(message))) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}
