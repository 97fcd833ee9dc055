import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { decompress, detectCompression } from "./decompress.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

const plain = Buffer.concat([Buffer.alloc(1_000_000, "berth "), randomBytes(1_500_000), Buffer.from("end")]);

function byProgram(...command: string[]): Buffer {
  const { stdout, exitCode } = Bun.spawnSync(command, { stdin: plain });
  expect(exitCode).toBe(0);
  return stdout;
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const whole = async (bytes: Uint8Array, size = 65_536) =>
  Buffer.concat(await Array.fromAsync(decompress(inChunks(bytes, size))));

const compressed: [name: string, bytes: () => Buffer][] = [
  ["gzip", () => gzipSync(plain)],
  [
    "gzip of two members",
    () => Buffer.concat([gzipSync(plain.subarray(0, 1000)), gzipSync(plain.subarray(1000))]),
  ],
  ["zstd", () => zstdCompressSync(plain)],
  [
    "zstd of two frames",
    () => Buffer.concat([zstdCompressSync(plain.subarray(0, 1000)), zstdCompressSync(plain.subarray(1000))]),
  ],
  [
    "zstd after a skippable frame",
    () =>
      Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]), zstdCompressSync(plain)]),
  ],
  ["bzip2", () => byProgram("/usr/bin/bzip2", "-c")],
  ["xz", () => byProgram("/usr/bin/xz", "-0c")],
];

describe("decompress()", () => {
  for (const [name, make] of compressed) {
    test(`${name}, in pieces of any size`, async () => {
      const bytes = make();
      expect((await whole(bytes)).equals(plain)).toBe(true);
      expect((await whole(bytes, 1 << 22)).equals(plain)).toBe(true);
      expect((await whole(Buffer.concat([bytes]), 777)).equals(plain)).toBe(true);
    });

    test(`${name} that ends early or is damaged is an error`, async () => {
      const bytes = make();
      await expect(whole(bytes.subarray(0, bytes.length - 2000))).rejects.toThrow("cannot decompress");
      const bad = Buffer.from(bytes);
      bad.fill(0x55, 100, 2000);
      await expect(whole(bad)).rejects.toThrow("cannot decompress");
    });

    test(`${name} whose reader gives up, or whose source fails`, async () => {
      const bytes = make();
      for await (const piece of decompress(inChunks(bytes, 1000))) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
      const failing = (async function* () {
        yield bytes.subarray(0, 100_000);
        throw new Error("the client went away");
      })();
      await expect(Array.fromAsync(decompress(failing))).rejects.toThrow("the client went away");
    });
  }

  test("what is not compressed passes through", async () => {
    expect((await whole(plain)).equals(plain)).toBe(true);
    expect((await whole(new Uint8Array(0))).length).toBe(0);
    expect((await whole(Buffer.from("abc"), 1)).toString()).toBe("abc");
  });
});

test("detectCompression()", () => {
  expect(detectCompression(new Uint8Array(0))).toBe("none");
  expect(detectCompression(Buffer.from([0x50, 0x2a, 0x4d, 0x18]))).toBe("zstd");
  expect(detectCompression(Buffer.from("BZ"))).toBe("none");
});
