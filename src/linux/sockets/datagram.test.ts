import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatagramReceiver } from "../fixtures/datagram-receiver.ts";
import { connectDatagram } from "./datagram.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-datagram-"));
afterAll(() => rmSync(directory, { recursive: true }));
const fresh = () => join(directory, crypto.randomUUID());
const encode = (text: string) => new TextEncoder().encode(text);
/** More than any system lets wait for a receiver (net.unix.max_dgram_qlen). */
const MANY = 2000;

test("connectDatagram() says where nobody listens", () => {
  expect(() => connectDatagram("/nonexistent/socket")).toThrow("ENOENT");
});

test("messages arrive apart and whole, by a path of any length", async () => {
  const deep = join(directory, "x".repeat(200));
  mkdirSync(deep);
  for (const path of [fresh(), join(deep, "socket")]) {
    using receiver = new DatagramReceiver(path);
    using socket = connectDatagram(path);
    const large = new Uint8Array(100_000).map((_, at) => at % 251);
    await socket.send(encode("one"));
    await socket.send(large);
    await socket.send(encode(""));
    expect(receiver.take().map((bytes) => Buffer.from(bytes))).toEqual([
      Buffer.from("one"),
      Buffer.from(large),
      Buffer.from(""),
    ]);
  }
});

test("a receiver whose queue is full is waited for", async () => {
  const path = fresh();
  using receiver = new DatagramReceiver(path);
  using socket = connectDatagram(path);
  const sending = (async () => {
    for (let number = 0; number < MANY; number++) await socket.send(encode(`${number}`));
  })();
  const received: string[] = [];
  for (let look = 0; look < 10_000 && received.length < MANY; look++) {
    await Bun.sleep(1);
    received.push(...receiver.take().map(String));
  }
  await sending;
  expect(received).toEqual(Array.from({ length: MANY }, (_, number) => `${number}`));
});

test("a receiver that has gone refuses", async () => {
  const path = fresh();
  const receiver = new DatagramReceiver(path);
  using socket = connectDatagram(path);
  receiver[Symbol.dispose]();
  expect(socket.send(encode("x"))).rejects.toThrow("ECONNREFUSED");
});

test("closing ends a send that waits, and nothing goes to whoever has the number next", async () => {
  const path = fresh();
  using receiver = new DatagramReceiver(path);
  const socket = connectDatagram(path);
  const filling = (async () => {
    for (let number = 0; number < MANY; number++) await socket.send(encode(`${number}`));
  })();
  const outcome = filling.then(
    () => "sent",
    (error: { code?: string }) => error.code,
  );
  await Bun.sleep(1);
  socket.close();
  const other = fresh();
  using otherReceiver = new DatagramReceiver(other);
  using another = connectDatagram(other);
  receiver.take();
  expect(await outcome).toBe("EPIPE");
  expect(socket.send(encode("late"))).rejects.toThrow("EPIPE");
  await another.send(encode("mine"));
  expect(otherReceiver.take().map(String)).toEqual(["mine"]);
});
