import { afterAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "../lib/index.ts";
import { BlobStore } from "./blobs.ts";

const root = await mkdtemp(join(tmpdir(), "berth-blobs-"));
afterAll(() => rm(root, { recursive: true, force: true }));
let count = 0;
const open = () => BlobStore.open(join(root, String(count++)));

async function contentOf(store: BlobStore, digest: ReturnType<typeof digestOf>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.read(digest)));
}

test("a written blob is there under its digest, whatever the sizes of its pieces", async () => {
  const store = await open();
  for (const pieces of [
    [],
    [1],
    [1 << 20],
    [5, (1 << 20) - 5, 3_000_000, 7, 1 << 21],
    Array(3000).fill(1000),
  ]) {
    const parts = pieces.map((length, i) => Buffer.alloc(length, String(i)));
    const whole = Buffer.concat(parts);
    await using writer = await store.writer();
    for (const part of parts) await writer.write(part);
    expect(await writer.commit()).toEqual({ digest: digestOf(whole), sizeBytes: whole.length });
    expect((await contentOf(store, digestOf(whole))).equals(whole)).toBe(true);
    expect(await store.size(digestOf(whole))).toBe(whole.length);
  }
});

test("content that is sent on is read ahead, and may be left in the middle", async () => {
  const store = await open();
  const content = Buffer.alloc(5_300_000);
  for (let at = 0; at < content.length; at += 1000) content.writeUInt32LE(at, at);
  const { digest } = await store.put(content);
  const sent: Buffer[] = [];
  for await (const bytes of store.readAhead(digest)) {
    // Whatever is read meanwhile must not be put where this is.
    await Bun.sleep(1);
    sent.push(Buffer.from(bytes));
  }
  expect(Buffer.concat(sent).equals(content)).toBe(true);
  for await (const bytes of store.readAhead(digest)) {
    expect(bytes.length).toBeGreaterThan(0);
    break;
  }
  await expect(Array.fromAsync(store.readAhead(digestOf("nothing")))).rejects.toThrow("ENOENT");
});

test("content that is not what was expected leaves nothing", async () => {
  const store = await open();
  {
    await using writer = await store.writer();
    await writer.write(Buffer.from("one"));
    await expect(writer.commit(digestOf("two"))).rejects.toThrow(
      `the content's digest is ${digestOf("one")}`,
    );
  }
  expect(await Array.fromAsync(store.list())).toEqual([]);
  expect(await readdir(join(root, String(count - 1), "ingest"))).toEqual([]);
});

describe("content that comes compressed is kept decompressed", () => {
  const content = Buffer.concat([Buffer.alloc(2_000_000, "berth "), randomBytes(1_000_000)]);
  async function* inPieces(bytes: Uint8Array) {
    for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000);
  }
  async function shown(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const copies: Uint8Array[] = [];
    for await (const bytes of pieces) copies.push(new Uint8Array(bytes));
    return Buffer.concat(copies);
  }

  for (const [form, bytes] of [
    ["gzip", gzipSync(content)],
    ["little gzip", gzipSync(content.subarray(0, 1000))],
    ["zstd", zstdCompressSync(content)],
    ["nothing", content],
    ["nothing at all", Buffer.alloc(0)],
  ] as const) {
    test(form, async () => {
      const store = await open();
      await using writer = await store.writer();
      const whole = await shown(writer.decompress(inPieces(bytes)));
      expect(whole.equals(content.subarray(0, whole.length))).toBe(true);
      expect(await writer.commit()).toEqual({ digest: digestOf(whole), sizeBytes: whole.length });
      expect((await contentOf(store, digestOf(whole))).equals(whole)).toBe(true);
    });
  }

  test("of what is damaged nothing stays", async () => {
    const store = await open();
    for (const bytes of [gzipSync(content).subarray(0, -1), zstdCompressSync(content).subarray(0, -1)]) {
      await using writer = await store.writer();
      await expect(shown(writer.decompress(inPieces(bytes)))).rejects.toThrow("cannot decompress");
    }
    expect(await Array.fromAsync(store.list())).toEqual([]);
    expect(await readdir(join(root, String(count - 1), "ingest"))).toEqual([]);
  });
});

test("a writer that is not committed leaves nothing", async () => {
  const store = await open();
  {
    await using writer = await store.writer();
    await writer.write(Buffer.alloc(3 << 20));
  }
  expect(await Array.fromAsync(store.list())).toEqual([]);
  expect(await readdir(join(root, String(count - 1), "ingest"))).toEqual([]);
});

test("what a crash left in ingest is swept when the store opens", async () => {
  const store = await open();
  const path = join(root, String(count - 1));
  const { digest } = await store.put(Buffer.from("kept"));
  await Bun.write(join(path, "ingest", "half"), "half");
  const again = await BlobStore.open(path);
  expect(await readdir(join(path, "ingest"))).toEqual([]);
  expect((await contentOf(again, digest)).toString()).toBe("kept");
});

test("the same content twice, at once, is one blob", async () => {
  const store = await open();
  const blobs = await Promise.all(Array.from({ length: 20 }, () => store.put(Buffer.from("same"))));
  expect(new Set(blobs.map(({ digest }) => digest))).toEqual(new Set([digestOf("same")]));
  expect(await Array.fromAsync(store.list())).toEqual([digestOf("same")]);
});

test("removing is idempotent", async () => {
  const store = await open();
  const { digest } = await store.put(Buffer.from("x"));
  await store.remove(digest);
  await store.remove(digest);
  expect(await store.size(digest)).toBeUndefined();
  await expect(contentOf(store, digest)).rejects.toThrow("ENOENT");
});

test("nobody but the owner may look in", async () => {
  await open();
  const path = join(root, String(count - 1));
  for (const name of ["sha256", "ingest"]) expect((await stat(join(path, name))).mode & 0o777).toBe(0o700);
});

describe("content that comes in several goes", () => {
  const content = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
  const digest = digestOf(content);

  async function withStore(work: (store: BlobStore, path: string) => Promise<void>): Promise<void> {
    const path = join(root, String(count++));
    await work(await BlobStore.open(path), path);
  }

  test("what came before is there, and the whole becomes a blob", async () => {
    await withStore(async (store, path) => {
      {
        await using writer = await store.resume(digest);
        expect(await Array.fromAsync(writer.recall())).toEqual([]);
        await writer.write(content.subarray(0, 1000));
      }
      await using writer = await (await BlobStore.open(path)).resume(digest);
      expect(Buffer.concat(await Array.fromAsync(writer.recall()))).toEqual(content.subarray(0, 1000));
      expect(writer.sizeBytes).toBe(1000);
      await writer.write(content.subarray(1000));
      expect(await writer.commit(digest)).toEqual({ digest, sizeBytes: content.length });
      expect(Buffer.concat(await Array.fromAsync(store.read(digest, 60_000)))).toEqual(
        content.subarray(60_000),
      );
      expect(await readdir(join(path, "partial"))).toEqual([]);
    });
  });

  test("only one writes it, and nothing is left of what was discarded or never came", async () => {
    await withStore(async (store, path) => {
      const writer = await store.resume(digest);
      await expect(store.resume(digest)).rejects.toThrow("is being written");
      expect(await store.removePartials()).toBe(0);
      await writer.write(content);
      await writer.discard();
      {
        await using _ = await store.resume(digest);
      }
      expect(await readdir(join(path, "partial"))).toEqual([]);
    });
  });

  test("a blob that nobody needs is what the next one goes on with, until that is removed", async () => {
    await withStore(async (store) => {
      await store.put(content);
      await store.demote(digest);
      await store.demote(digest);
      expect(await store.size(digest)).toBeUndefined();
      {
        await using writer = await store.resume(digest);
        expect(Buffer.concat(await Array.fromAsync(writer.recall()))).toEqual(content);
      }
      expect(await store.removePartials(Date.now() - 60_000)).toBe(0);
      expect(await store.removePartials()).toBe(content.length);
    });
  });
});
