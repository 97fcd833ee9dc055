import { expect, test } from "bun:test";
import { ByteQueue } from "./byte-queue.ts";

const mebibyte = () => Buffer.alloc(1 << 20);

test("who pushes waits for who reads, and gets on with each piece", async () => {
  const queue = new ByteQueue();
  const pushing = (async () => {
    for (let i = 0; i < 20; i++) await queue.push(mebibyte());
    queue.end();
  })();
  let length = 0;
  for await (const bytes of queue) length += bytes.length;
  await pushing;
  expect(length).toBe(20 << 20);
});

test("a reader that has had enough holds nobody up", async () => {
  const queue = new ByteQueue();
  const pushing = (async () => {
    for (let i = 0; i < 20; i++) await queue.push(mebibyte());
  })();
  for await (const _ of queue) break;
  await pushing;
});

test("a failure reaches both sides", async () => {
  const queue = new ByteQueue();
  const pushing = (async () => {
    for (;;) await queue.push(mebibyte());
  })();
  queue.fail(new Error("gone"));
  await expect(pushing).rejects.toThrow("gone");
  await expect(Array.fromAsync(queue)).rejects.toThrow("gone");
});
