import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDescriptors, until } from "../testing.ts";
import { connectSeqpacket } from "./seqpacket.ts";

const work = await mkdtemp(join(tmpdir(), "berth-seqpacket-"));
afterAll(() => rm(work, { recursive: true, force: true }));

/** A reader in a process of its own, since nothing in Bun listens for messages. */
const READER = fileURLToPath(new URL("../fixtures/seqpacket-reader.ts", import.meta.url));

async function startReader(path: string, mode = "read") {
  const child = Bun.spawn([process.execPath, READER, path, mode], { stdout: "pipe", stderr: "inherit" });
  const lines = linesOf(child.stdout);
  const line = async () => (await lines.next()).value ?? "no line";
  expect(await line()).toBe("ready");
  const stop = async () => {
    child.kill(9);
    await child.exited;
  };
  return { line, [Symbol.asyncDispose]: stop };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
}

test("bytes arrive whole and in order, in messages of at most 16 KiB, from a path longer than an address holds", async () => {
  const path = join(work, "long".repeat(40), "socket");
  await mkdir(join(path, ".."));
  await using reader = await startReader(path, "late");
  using socket = connectSeqpacket(path);
  socket.shutdownRead();
  const bytes = Buffer.alloc(20_000_003, "berth");
  for (let at = 0; at < bytes.length; at += 3_000_000) await socket.write(bytes.subarray(at, at + 3_000_000));
  socket.shutdownWrite();
  const [count, , longest, check] = (await reader.line()).split(" ").map(Number);
  expect(count).toBe(bytes.length);
  expect(longest).toBeLessThanOrEqual(16_384);
  expect(check).toBe(Bun.hash.crc32(bytes));
});

test("writes that are not awaited keep their order", async () => {
  const path = join(work, "order");
  await using reader = await startReader(path);
  using socket = connectSeqpacket(path);
  const parts = Array.from({ length: 500 }, (_, at) => Buffer.alloc(20_000, at));
  const written = Promise.all(parts.map((part) => socket.write(part)));
  socket.shutdownWrite();
  await written;
  const [, , , check] = (await reader.line()).split(" ").map(Number);
  expect(check).toBe(Bun.hash.crc32(Buffer.concat(parts)));
});

test("a slow reader slows its writer, and the thread goes on", async () => {
  const path = join(work, "slow");
  await using reader = await startReader(path, "late");
  using socket = connectSeqpacket(path);
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 5);
  await socket.write(Buffer.alloc(4_000_000));
  clearInterval(ticking);
  expect(ticks).toBeGreaterThan(5);
  socket.shutdownWrite();
  expect(await reader.line()).toStartWith("4000000 ");
});

test("a reader that leaves fails the write that waits, and those after", async () => {
  const path = join(work, "leave");
  await using _ = await startReader(path, "leave");
  using socket = connectSeqpacket(path);
  const code = (work: Promise<void>) =>
    work.then(
      () => "written",
      (error) => error.code,
    );
  expect(await code(socket.write(Buffer.alloc(50_000_000)))).toBe("EPIPE");
  expect(await code(socket.write(Buffer.of(1)))).toBe("EPIPE");
  socket.shutdownRead();
  socket.shutdownWrite();
});

test("closing fails what waits and leaves no descriptor", async () => {
  const before = openDescriptors(/^socket:/);
  const path = join(work, "closing");
  {
    await using _ = await startReader(path, "leave");
    const socket = connectSeqpacket(path);
    const waiting = socket.write(Buffer.alloc(50_000_000)).then(
      () => "written",
      (error) => error.code,
    );
    socket.close();
    socket.close();
    expect(await waiting).toBe("EPIPE");
  }
  await until(() => openDescriptors(/^socket:/) <= before);
  expect(() => connectSeqpacket(join(work, "none"))).toThrow("ENOENT");
  expect(() => connectSeqpacket(path)).toThrow("ECONNREFUSED");
});
