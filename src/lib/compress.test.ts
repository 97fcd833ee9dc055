import { expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { gzip } from "./compress.ts";
import { decompress } from "./decompress.ts";

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const collect = async (source: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(source));

test.each([0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 17])("gzip() gives back %d bytes", async (length) => {
  const bytes = Buffer.alloc(length, "some text that compresses, ");
  const compressed = await collect(gzip(cut(bytes, 65_536)));
  expect(gunzipSync(compressed).equals(bytes)).toBe(true);
  expect((await collect(decompress(cut(compressed, 1000)))).equals(bytes)).toBe(true);
});

test("gzip() gives the same bytes however the input was cut", async () => {
  const bytes = Buffer.alloc(3_000_000, "other text, ");
  const whole = await collect(gzip(cut(bytes, bytes.length)));
  expect((await collect(gzip(cut(bytes, 777)))).equals(whole)).toBe(true);
  expect((await collect(gzip(cut(bytes, 1 << 20), 1))).equals(whole)).toBe(true);
});

test("gzip() fails with its source", async () => {
  const failing = async function* () {
    yield Buffer.alloc(2 << 20);
    throw new Error("the disk is gone");
  };
  await expect(collect(gzip(failing()))).rejects.toThrow("the disk is gone");
});
