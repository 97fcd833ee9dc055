import { mkdtempSync, rmSync } from "node:fs";
import { performServerHandshake, type ServerHttp2Stream } from "node:http2";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FrameDecoder, frame } from "../../lib/buildkit/index.ts";
import { GrpcChannel } from "./grpc-channel.ts";

/** How a client of a test answers one call: with what it likes, at each message that comes. */
export interface TestCall {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly stream: ServerHttp2Stream;
  readonly messages: AsyncIterable<Buffer>;
  send(message: Uint8Array): void;
  /** Ends the call with a status. */
  end(status?: number, message?: string): void;
}

export interface TestClient extends AsyncDisposable {
  readonly channel: GrpcChannel;
  /** The client's end of the connection. */
  readonly socket: Socket;
}

/** A channel to a client that answers by `handle`. For tests. */
export async function connectTestClient(
  handle: (call: TestCall) => void | Promise<void>,
): Promise<TestClient> {
  const folder = mkdtempSync(join(tmpdir(), "berth-session-"));
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
  const { connect } = await import("node:net");
  const engineEnd = connect(join(folder, "s"));
  const socket = await accepted.promise;
  const session = performServerHandshake(socket);
  session.on("error", () => {});
  session.on("stream", (stream, headers) => {
    const call = testCall(stream, headers as TestCall["headers"]);
    // An engine that gives up a call is no failure of the test.
    Promise.try(handle, call).catch(() => {});
  });
  const channel = new GrpcChannel(engineEnd);
  return {
    channel,
    socket,
    async [Symbol.asyncDispose]() {
      channel.close();
      socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function testCall(stream: ServerHttp2Stream, headers: TestCall["headers"]): TestCall {
  stream.on("error", () => {});
  let trailers: Record<string, string> = { "grpc-status": "0" };
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  return {
    headers,
    stream,
    messages: messagesOf(stream),
    send: (message) => void stream.write(frame(message)),
    end(status = 0, message = "") {
      trailers = { "grpc-status": String(status), "grpc-message": message };
      stream.end();
    },
  };
}

async function* messagesOf(stream: ServerHttp2Stream): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new FrameDecoder();
  for await (const bytes of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    yield* decoder.push(bytes);
  }
}
