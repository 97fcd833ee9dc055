import { type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  COMPRESSION_HEAD_BYTES,
  type Digest,
  decompress,
  detectCompression,
  digestHex,
  faultPoint,
  invalidParameter,
  isDigest,
  newId,
  peek,
} from "../lib/index.ts";
import { canGunzip, gunzipInto } from "../linux/index.ts";
import { digestOfFile, type FileDigest } from "./hash-thread.ts";
import type { Trash } from "./trash.ts";

/** A blob that is on disk, whole and durable. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Bytes that wait for one write call; as many again may be under way. */
const WRITE_BYTES = 512 << 10;
const READ_BYTES = 1 << 20;
/** What came of a download that nobody has gone on with is kept for so long. */
const PARTIAL_KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * Content by digest, laid out as OCI's image layout has it: `<root>/sha256/<hex>`. A blob is there whole and
 * durable, or it is not there: it is written to `<root>/ingest/`, hashed on its way, synced, renamed, and the
 * directory is synced, in this order. A crash leaves files in `ingest/` only, which the next `open` empties. Content whose
 * digest is known and that comes from afar is in `partial/<hex>` until it is whole, and stays there over a crash.
 *
 * Success of a write means that the content is there, not that this call put it there.
 */
export class BlobStore {
  readonly #root: string;
  readonly #blobs: string;
  readonly #ingest: string;
  readonly #partial: string;
  /** Partial files that somebody writes. */
  readonly #resumed = new Set<string>();
  readonly #directory: SharedSync;
  readonly #trash: Pick<Trash, "take"> | undefined;

  private constructor(root: string, trash: Pick<Trash, "take"> | undefined) {
    this.#root = root;
    this.#trash = trash;
    this.#blobs = join(root, "sha256");
    this.#ingest = join(root, "ingest");
    this.#partial = join(root, "partial");
    this.#directory = new SharedSync(this.#blobs);
  }

  /**
   * Makes the directories, readable by their owner only, and sweeps what a crash left.
   * @param trash takes what is removed, on the same file system: nobody has to wait until large files are deleted
   */
  static async open(root: string, trash?: Pick<Trash, "take">): Promise<BlobStore> {
    const store = new BlobStore(root, trash);
    await rm(store.#ingest, { recursive: true, force: true });
    await mkdir(store.#ingest, { recursive: true, mode: 0o700 });
    await mkdir(store.#blobs, { recursive: true, mode: 0o700 });
    await mkdir(store.#partial, { recursive: true, mode: 0o700 });
    await store.removePartials(Date.now() - PARTIAL_KEPT_MS);
    return store;
  }

  /** The file that has, or would have, this content. */
  path(digest: Digest): string {
    return blobPath(this.#root, digest);
  }

  /** Length in bytes; undefined where the blob is not here. */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** The content, from a byte on, in pieces of up to 1 MiB, each the receiver's to keep. @throws ENOENT */
  async *read(digest: Digest, from = 0): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await open(this.path(digest), "r");
    try {
      yield* readFrom(file, from);
    } finally {
      await file.close();
    }
  }

  /**
   * The content for whoever sends it on: each piece holds only until the next is asked for, and that is read meanwhile.
   * @throws ENOENT
   */
  async *readAhead(digest: Digest): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await open(this.path(digest), "r");
    const buffers = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)] as const;
    let at = 0;
    let next = file.read(buffers[0], 0, READ_BYTES, at);
    try {
      for (let turn = 1; ; turn++) {
        const { bytesRead, buffer } = await next;
        if (bytesRead === 0) return;
        at += bytesRead;
        next = file.read(buffers[turn % 2 === 0 ? 0 : 1], 0, READ_BYTES, at);
        // Told when it is asked for.
        next.catch(() => {});
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await next.catch(() => {});
      await file.close();
    }
  }

  /** A place for content that comes. Dispose of the writer; without a `commit` nothing stays. */
  async writer(): Promise<BlobWriter> {
    const path = join(this.#ingest, newId());
    return new BlobWriter(path, await open(path, "wx", 0o600), (...names) => this.#adopt(...names));
  }

  /**
   * A place for content that is known by its digest and comes in several goes: what came before is there, and what is not
   * committed stays for the next time. One at a time for each digest. Dispose of the writer.
   */
  async resume(digest: Digest): Promise<BlobWriter> {
    const name = digestHex(digest);
    if (this.#resumed.has(name)) throw new Error(`${digest} is being written`);
    this.#resumed.add(name);
    try {
      const path = join(this.#partial, name);
      const file = await open(path, "a+", 0o600);
      return new BlobWriter(path, file, (...names) => this.#adopt(...names), {
        release: () => this.#resumed.delete(name),
      });
    } catch (error) {
      this.#resumed.delete(name);
      throw error;
    }
  }

  /** Makes a blob that nobody needs now one that `resume` finds whole: if it is wanted again, it need not come again. */
  async demote(digest: Digest): Promise<void> {
    await rename(this.path(digest), join(this.#partial, digestHex(digest))).catch(ignoreMissing);
  }

  /** Removes what came of downloads that nobody goes on with. @returns how many bytes they took */
  async removePartials(olderThanMs = Number.POSITIVE_INFINITY): Promise<number> {
    let bytes = 0;
    for (const name of await readdir(this.#partial)) {
      const path = join(this.#partial, name);
      const { size, mtimeMs } = await stat(path);
      if (mtimeMs >= olderThanMs || this.#resumed.has(name)) continue;
      await unlink(path).catch(ignoreMissing);
      bytes += size;
    }
    return bytes;
  }

  /** Keeps bytes that are in memory. */
  async put(bytes: Uint8Array): Promise<StoredBlob> {
    await using writer = await this.writer();
    await writer.write(bytes);
    return await writer.commit();
  }

  async *list(): AsyncGenerator<Digest, void, undefined> {
    for (const name of await readdir(this.#blobs)) {
      const digest = `sha256:${name}`;
      if (isDigest(digest)) yield digest;
    }
  }

  /** Removing what is not there succeeds. The disk has the space a little later, or, with `now`, at once. */
  async remove(digest: Digest, { now = false }: { now?: boolean } = {}): Promise<void> {
    if (this.#trash === undefined || now) await unlink(this.path(digest)).catch(ignoreMissing);
    else this.#trash.take(this.path(digest));
  }

  /** The same content may be here already, and in use: then that file stays. */
  async #adopt(from: string, digest: Digest, isDurable: boolean): Promise<void> {
    if ((await this.size(digest)) !== undefined) await unlink(from);
    else await rename(from, this.path(digest));
    faultPoint("blob-renamed");
    if (isDurable) await this.#directory.sync();
  }

  /** Makes blobs durable that were committed without that. @throws ENOENT */
  async sync(digests: readonly Digest[]): Promise<void> {
    await Promise.all(
      digests.map(async (digest) => {
        await using file = await open(this.path(digest), "r");
        await file.datasync();
      }),
    );
    await this.#directory.sync();
  }
}

/** Where a blob store in `root` has, or would have, this content. */
export function blobPath(root: string, digest: Digest): string {
  return join(root, "sha256", digestHex(digest));
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

async function* readFrom(file: FileHandle, from = 0): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = from; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(READ_BYTES), 0, READ_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

type Adopt = (from: string, digest: Digest, isDurable: boolean) => Promise<void>;

/**
 * One blob on its way in. The thread pool writes it, and a thread of its own hashes what is written, so that this one only
 * hands it on; at most two batches are in memory. What fits into one batch is hashed here.
 */
export class BlobWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #adopt: Adopt;
  /** Once there is more than a batch. */
  #fileDigest: FileDigest | undefined;
  #written = 0;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #failure: unknown;
  #size = 0;
  #finishing: Promise<Digest> | undefined;
  #handedOver: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #settled = false;
  /** What is not committed stays; nobody else has it any more. */
  readonly #kept: { release(): void } | undefined;

  constructor(path: string, file: FileHandle, adopt: Adopt, kept?: { release(): void }) {
    this.#path = path;
    this.#file = file;
    this.#adopt = adopt;
    this.#kept = kept;
  }

  /** What came before, of a writer that goes on with it: to be read to its end before anything is written. */
  async *recall(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const bytes of readFrom(this.#file)) {
      this.#size += bytes.length;
      this.#written = this.#size;
      yield bytes;
      this.#advance();
    }
  }

  /** Where the bytes are until `commit`: for an indexer that wants to read them again. */
  get path(): string {
    return this.#path;
  }

  get sizeBytes(): number {
    return this.#size;
  }

  /** Takes bytes, which must not change afterwards. Resolves when more may come. @throws what the disk says. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#size += bytes.length;
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
    return this.#batchBytes < WRITE_BYTES ? undefined : this.#flush();
  }

  /**
   * Takes a stream, decompressed if it is compressed, and shows what it took: each piece holds only until the next is asked
   * for. Nothing else may be written.
   * @throws InvalidParameter where the data is damaged or ends early; what the disk says
   */
  async *decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const { head, whole } = await peek(source, COMPRESSION_HEAD_BYTES);
    if (detectCompression(head) !== "gzip") return yield* this.takeAll(decompress(whole));
    const more = await peek(whole, WRITE_BYTES);
    const isSmall = more.head.length < WRITE_BYTES;
    if (isSmall || !(await canGunzip())) return yield* this.takeAll(decompress(more.whole));
    for await (const bytes of gunzipInto(this.#path, more.whole)) {
      this.#size += bytes.length;
      if (this.#size - this.#written >= WRITE_BYTES) {
        this.#written = this.#size;
        this.#advance();
      }
      yield bytes;
    }
  }

  /** Takes a stream as it is, of which no piece changes afterwards, and shows what it took. */
  async *takeAll(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const bytes of source) {
      const written = this.write(bytes);
      yield bytes;
      if (written !== undefined) await written;
    }
  }

  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
    const batch = this.#batch;
    if (batch.length === 0) return;
    const batchBytes = this.#batchBytes;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#writing = writeAll(this.#file, batch).then(
      () => {
        this.#written += batchBytes;
        this.#advance();
      },
      (error: unknown) => {
        this.#failure = error;
      },
    );
  }

  #advance(): void {
    if (this.#written < WRITE_BYTES) return;
    this.#fileDigest ??= digestOfFile(this.#path);
    this.#fileDigest.advance(this.#written);
  }

  /** All bytes are handed to the kernel, and their digest is known. Nothing is durable yet. */
  async finish(): Promise<StoredBlob> {
    this.#finishing ??= this.#finish();
    return { digest: await this.#finishing, sizeBytes: this.#size };
  }

  async #finish(): Promise<Digest> {
    const digestOfBatch = this.#size === this.#batchBytes ? hashAll(this.#batch) : undefined;
    await this.written();
    if (digestOfBatch !== undefined) return digestOfBatch;
    const hex = await this.#fileDigest?.finish(this.#size);
    return hex === undefined ? await hashFile(this.#path) : (`sha256:${hex}` as Digest);
  }

  /** No more come, and all bytes are handed to the kernel; their digest may still be in the making. */
  written(): Promise<void> {
    this.#handedOver ??= (async () => {
      await this.#flush();
      await this.#writing;
      if (this.#failure !== undefined) throw this.#failure;
    })();
    return this.#handedOver;
  }

  /** The thread that hashes has nothing to do with it any more. */
  #stopHashing(): void {
    void this.#fileDigest?.finish(0);
  }

  /** Makes the bytes durable, still without their name: `commit` then only has to give it to them. */
  sync(): Promise<void> {
    this.#syncing ??= this.#sync();
    return this.#syncing;
  }

  /** The disk writes what the other thread is still hashing. */
  async #sync(): Promise<void> {
    const finishing = this.finish();
    finishing.catch(() => {});
    await this.written();
    await this.#file.datasync();
    faultPoint("blob-synced");
    await finishing;
  }

  /**
   * Makes the blob durable under its digest.
   * @throws InvalidParameter where the content is not what was expected; nothing is kept then.
   */
  async commit(expected?: Digest): Promise<StoredBlob> {
    const blob = await this.finish();
    if (expected !== undefined && expected !== blob.digest) {
      throw invalidParameter(`the content's digest is ${blob.digest}, not ${expected}`);
    }
    await this.sync();
    return await this.#settle(blob, true);
  }

  /** Gives the blob its name, as `commit`; it is not durable before `BlobStore.sync`, and may be damaged by a power cut. */
  async commitLater(): Promise<StoredBlob> {
    return await this.#settle(await this.finish(), false);
  }

  async #settle(blob: StoredBlob, isDurable: boolean): Promise<StoredBlob> {
    await this.#adopt(this.#path, blob.digest, isDurable);
    this.#settled = true;
    this.#kept?.release();
    await this.#file.close();
    return blob;
  }

  /** Gives up what was not committed, also what is there to be gone on with. */
  async discard(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    await this.#writing;
    this.#stopHashing();
    await this.#file.close().catch(() => {});
    await rm(this.#path, { force: true });
    this.#kept?.release();
  }

  /** Removes what was not committed, unless it is to be gone on with. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#settled) return;
    if (this.#kept === undefined) return await this.discard();
    // What is still in memory would have to come again: it is written as far as that goes.
    await this.#flush().catch(() => {});
    this.#settled = true;
    await this.#writing;
    this.#stopHashing();
    const isEmpty = (await this.#file.stat()).size === 0;
    await this.#file.close().catch(() => {});
    if (isEmpty) await rm(this.#path, { force: true });
    this.#kept.release();
  }
}

function hashAll(pieces: readonly Uint8Array[]): Digest {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const bytes of pieces) hasher.update(bytes);
  return `sha256:${hasher.digest("hex")}` as Digest;
}

async function hashFile(path: string): Promise<Digest> {
  const hasher = new Bun.CryptoHasher("sha256");
  await using file = await open(path, "r");
  for await (const bytes of readFrom(file)) hasher.update(bytes);
  return `sha256:${hasher.digest("hex")}` as Digest;
}

async function writeAll(file: FileHandle, batch: Uint8Array[]): Promise<void> {
  let left = batch;
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left);
    while (left.length > 0 && bytesWritten >= left[0]!.length) {
      bytesWritten -= left[0]!.length;
      left = left.slice(1);
    }
    if (bytesWritten > 0) left = [left[0]!.subarray(bytesWritten), ...left.slice(1)];
  }
}

/** A directory's fsync, once for everybody who waits at that moment. */
class SharedSync {
  readonly #path: string;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when everything that was done before the call is on disk. */
  sync(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<void> {
    const run = syncDirectory(this.#path).finally(() => {
      this.#running = undefined;
    });
    this.#running = run;
    return run;
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
