import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { log, messageOf } from "../../lib/index.ts";
import { type ScannedEntry, Turns } from "../../linux/index.ts";

/** A remembered file: 64 bytes that tell it from others and from itself before a change, 32 of its content's digest. */
const IDENTITY_BYTES = 64;
const DIGEST_BYTES = 32;
const RECORD_BYTES = IDENTITY_BYTES + DIGEST_BYTES;
const FILE_MARK = "berth file digests 1\n";
/** Count of records, checksum of their bytes. */
const BLOCK_HEAD_BYTES = 4 + 8;
const BLOCK_RECORDS_MAX = 4096;
/** Each takes about 200 bytes of memory. */
const REMEMBERED_MAX = 300_000;

/**
 * A file that was changed less than this before it was read may be changed once more within the same tick of its file
 * system's clock, which nobody could tell by its times (as git's index has it). Ticks are 1 … 10 ms long.
 */
const TICK_MS = 40;
/** Where times have no parts of a second, as on file systems of other systems, the tick is that long. */
const COARSE_TICK_MS = 2_500;
const MILLION = 1_000_000n;

/** What is known of a folder. */
export interface KnownFolder {
  /** Of what was chosen of its entries, not of what is in folders below; see `folderDigest()`. */
  readonly digest: string;
  /** Folders in it that were chosen, in order. */
  readonly folders: readonly string[];
}

const FOLDERS_MAX = 100_000;

/**
 * Digests of the files' contents, for as long as the files do not change, so that a context of which nothing changed costs
 * only a look at each file. In memory, and in a file from one start of the engine to the next. What is in it may get lost at any
 * time; it never is wrong: the file is read only as far as its checksums agree.
 */
export class FileDigests {
  readonly #path: string | undefined;
  /** Digests as 32 Latin-1 characters, by identity; the least recently added first. */
  readonly #digests = new Map<string, string>();
  /** In memory only: they come out of the others. */
  readonly #folders = new Map<string, KnownFolder>();
  #unsaved: string[] = [];
  #loading: Promise<void> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #savedRecords = 0;
  #isFileWhole = false;

  /** @param path of the file; undefined: in memory only. Nothing is read before it is needed. */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** Before the first look. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** The digest of a file's content, in 32 Latin-1 characters. */
  find(entry: ScannedEntry): string | undefined {
    return this.#digests.get(entry.identity);
  }

  /** Remembers a digest. Only for what is not racy. */
  add(entry: ScannedEntry, digest: string): void {
    this.#digests.set(entry.identity, digest);
    if (this.#path !== undefined) this.#unsaved.push(entry.identity);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    while (this.#digests.size > REMEMBERED_MAX) this.#digests.delete(this.#digests.keys().next().value!);
  }

  /** @param key of the folder's fingerprint, and of whatever else decides on what is chosen of it */
  findFolder(key: string): KnownFolder | undefined {
    return this.#folders.get(key);
  }

  /** Only for folders that hold nothing racy. */
  addFolder(key: string, folder: KnownFolder): void {
    this.#folders.set(key, folder);
    if (this.#folders.size > FOLDERS_MAX) this.#folders.delete(this.#folders.keys().next().value!);
  }

  /** @param beforeMs when the look at the file began. @returns whether it could have changed since without its times telling */
  static isRacy(entry: ScannedEntry, beforeMs: number): boolean {
    const changedNs = entry.ctimeNs;
    const tick = changedNs % (1000n * MILLION) === 0n ? COARSE_TICK_MS : TICK_MS;
    return Number(changedNs / MILLION) >= beforeMs - tick;
  }

  /** Writes what is new to the file, after what is being written. Failing is no harm. */
  save(): Promise<void> {
    this.#saving = this.#saving
      .then(() => this.#save())
      .catch((error: unknown) => {
        log.debug("cannot remember files' digests", { error: messageOf(error) });
      });
    return this.#saving;
  }

  async #load(): Promise<void> {
    if (this.#path === undefined) return;
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#path);
    } catch {
      return;
    }
    if (bytes.toString("latin1", 0, FILE_MARK.length) !== FILE_MARK) return;
    const turns = new Turns();
    let at = FILE_MARK.length;
    while (at + BLOCK_HEAD_BYTES <= bytes.length) {
      const count = bytes.readUInt32LE(at);
      const end = at + BLOCK_HEAD_BYTES + count * RECORD_BYTES;
      if (count > BLOCK_RECORDS_MAX || end > bytes.length) return;
      const records = bytes.subarray(at + BLOCK_HEAD_BYTES, end);
      if (bytes.readBigUInt64LE(at + 4) !== checksum(records)) return;
      for (let record = 0; record < records.length; record += RECORD_BYTES) {
        const identity = records.toString("latin1", record, record + IDENTITY_BYTES);
        this.#digests.set(
          identity,
          records.toString("latin1", record + IDENTITY_BYTES, record + RECORD_BYTES),
        );
      }
      this.#forgetOldest();
      this.#savedRecords += count;
      at = end;
      await turns.over();
    }
    this.#isFileWhole = at === bytes.length;
  }

  async #save(): Promise<void> {
    await this.load();
    const added = this.#unsaved.filter((identity) => this.#digests.has(identity));
    if (this.#path === undefined || added.length === 0) return;
    this.#unsaved = [];
    const isFull = this.#savedRecords + added.length > 2 * REMEMBERED_MAX;
    if (this.#isFileWhole && !isFull) {
      const file = await open(this.#path, "a", 0o600);
      try {
        for (const block of await this.#blocks(added)) await file.appendFile(block);
      } catch (error) {
        this.#isFileWhole = false;
        throw error;
      } finally {
        await file.close();
      }
      this.#savedRecords += added.length;
      return;
    }
    const all = [...this.#digests.keys()];
    const incoming = `${this.#path}.incoming`;
    try {
      await writeFile(incoming, [Buffer.from(FILE_MARK), ...(await this.#blocks(all))], { mode: 0o600 });
      await rename(incoming, this.#path);
    } finally {
      await rm(incoming, { force: true });
    }
    this.#savedRecords = all.length;
    this.#isFileWhole = true;
  }

  async #blocks(identities: readonly string[]): Promise<Buffer[]> {
    const blocks: Buffer[] = [];
    const turns = new Turns();
    for (let first = 0; first < identities.length; first += BLOCK_RECORDS_MAX) {
      const part = identities.slice(first, first + BLOCK_RECORDS_MAX);
      // Some may have been forgotten since.
      const text = part.map((identity) => {
        const digest = this.#digests.get(identity);
        return digest === undefined ? "" : identity + digest;
      });
      const records = Buffer.from(text.join(""), "latin1");
      const head = Buffer.alloc(BLOCK_HEAD_BYTES);
      head.writeUInt32LE(records.length / RECORD_BYTES, 0);
      head.writeBigUInt64LE(checksum(records), 4);
      blocks.push(head, records);
      await turns.over();
    }
    return blocks;
  }
}

function checksum(bytes: Uint8Array): bigint {
  return Bun.hash.xxHash64(bytes);
}
