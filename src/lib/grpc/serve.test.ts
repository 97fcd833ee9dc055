import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FrameDecoder, frame, GrpcError } from "../buildkit/index.ts";
import { type Handler, serveCalls, unary } from "./serve.ts";

let directory: string;
let server: Server;
let client: ClientHttp2Session;
let handler: Handler;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-grpc-"));
  const bounds = { headerPairs: 10_000, headerBytes: 1 << 20 };
  const handlers = new Map<string, Handler>([["/a/b", (call) => handler(call)]]);
  server = createServer((socket) => void serveCalls(socket, handlers, bounds));
  await new Promise<void>((resolve) => server.listen(join(directory, "s"), resolve));
  client = connectHttp2("http://localhost", { createConnection: () => connect(join(directory, "s")) });
});

afterEach(async () => {
  client.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(directory, { recursive: true, force: true });
});

/** The answer's messages, and the status. */
async function ask(path: string, request: Uint8Array, headers: Record<string, string | string[]> = {}) {
  const stream = client.request({ ":method": "POST", ":path": path, ...headers });
  const messages: string[] = [];
  const decoder = new FrameDecoder();
  let status = "";
  let text = "";
  stream.on("data", (bytes: Buffer) => {
    for (const message of decoder.push(bytes)) messages.push(message.toString());
  });
  stream.on("trailers", (trailers) => {
    status = String(trailers["grpc-status"]);
    text = decodeURIComponent(String(trailers["grpc-message"] ?? ""));
  });
  stream.end(frame(request));
  await new Promise((resolve) => stream.once("close", resolve));
  return { messages, status, text };
}

test("one message for one", async () => {
  handler = unary((request) => Buffer.from(`${Buffer.from(request)}!`));
  expect(await ask("/a/b", Buffer.from("hello"))).toMatchObject({ messages: ["hello!"], status: "0" });
});

test("many messages arrive in order, also those that nobody waited for", async () => {
  const numbers = Array.from({ length: 500 }, (_, index) => String(index));
  handler = async ({ received, send }) => {
    for await (const _ of received) await Promise.all(numbers.map((number) => send(Buffer.from(number))));
  };
  expect(await ask("/a/b", Buffer.from("x"))).toMatchObject({ messages: numbers, status: "0" });
});

test("failures have a status and a text", async () => {
  handler = async () => {
    throw new GrpcError(5, "no such thing: ü%\n");
  };
  expect(await ask("/a/b", Buffer.from("x"))).toMatchObject({ status: "5", text: "no such thing: ü%\n" });
  handler = async () => {
    throw new Error("broken");
  };
  expect(await ask("/a/b", Buffer.from("x"))).toMatchObject({ status: "2", text: "broken" });
  expect(await ask("/a/other", Buffer.from("x"))).toMatchObject({ status: "12" });
});

test("lists as long as an ignore file's come whole", async () => {
  const patterns = Array.from({ length: 2000 }, (_, index) => `ignored-${index}/*`);
  handler = unary((_, { metadata }) => Buffer.from(String(metadata["exclude-patterns"]!.length)));
  const answer = await ask("/a/b", Buffer.from("x"), { "exclude-patterns": patterns });
  expect(answer).toMatchObject({ messages: ["2000"], status: "0" });
});

test("a call that its peer gives up aborts", async () => {
  const aborted = Promise.withResolvers<unknown>();
  handler = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        aborted.resolve(signal.reason);
        reject(signal.reason);
      });
    });
  const stream = client.request({ ":method": "POST", ":path": "/a/b" });
  stream.on("error", () => {});
  stream.once("response", () => stream.close(8));
  expect(await aborted.promise).toBeInstanceOf(GrpcError);
});
