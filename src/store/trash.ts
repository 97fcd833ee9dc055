import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { log, messageOf, newId } from "../lib/index.ts";
import { isErrno, openRoot, removeTree } from "../linux/index.ts";

/** Deleting waits until nothing was thrown away for so long: who ends containers now has better use for the processor. */
const QUIET_MS = 100;
/** So many trees may wait for that. */
const MAX_WAITING = 64;
/** How soon somebody who has begun to wait is noticed. */
const LOOK_MS = 20;
const ENOENT = 2;

/** A place in the trash for what is needed only for a while. */
export interface Scratch extends AsyncDisposable {
  /** Of nothing yet. */
  readonly path: string;
}

/**
 * A directory to which unwanted trees are renamed, which costs nothing, and where they are deleted in the background.
 * What a crash left there goes when it is opened again. One for all rooms: the disk's work is done in one line.
 */
export class Trash {
  readonly #path: string;
  readonly #closing = new AbortController();
  #deleting: Promise<void> = Promise.resolve();
  #lastTaken = performance.now();
  #waiting = 0;
  /** How many wait until all is deleted. */
  #hurried = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /** On the same file system as what is to be thrown away. */
  static open(path: string): Trash {
    const trash = new Trash(path);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(path)) trash.#delete(name);
    return trash;
  }

  /** Takes a tree away from its place at once. Nothing happens where it is not there. */
  take(path: string): void {
    const name = newId();
    try {
      renameSync(path, join(this.#path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    this.#lastTaken = performance.now();
    this.#delete(name);
  }

  /** What is put there is deleted when the result is disposed of, which waits for it; after a crash, at the next start. */
  scratch(): Scratch {
    const name = newId();
    return { path: join(this.#path, name), [Symbol.asyncDispose]: () => this.#remove(name) };
  }

  /** Resolves when everything taken so far is deleted. */
  async emptied(): Promise<void> {
    this.#hurried++;
    try {
      await this.#deleting;
    } finally {
      this.#hurried--;
    }
  }

  /** Stops deleting, also in the middle of a tree; the rest goes when the trash is opened again. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#deleting;
  }

  /** One after the other: deleting is the disk's work, and nobody waits for it. */
  #delete(name: string): void {
    this.#waiting++;
    this.#deleting = this.#deleting.then(async () => {
      await this.#quiet();
      this.#waiting--;
      if (this.#closing.signal.aborted) return;
      try {
        await this.#remove(name, this.#closing.signal);
      } catch (error) {
        if (isErrno(error, ENOENT)) return;
        log.warn("cannot delete from the trash", { path: join(this.#path, name), error: messageOf(error) });
      }
    });
  }

  async #remove(name: string, signal?: AbortSignal): Promise<void> {
    // Deleting a large file takes the kernel tens of milliseconds, which this thread need not spend.
    if (await unlinked(join(this.#path, name))) return;
    using root = openRoot(this.#path);
    using directory = root.directory("/");
    await removeTree(directory, name, signal === undefined ? {} : { signal });
  }

  async #quiet(): Promise<void> {
    for (;;) {
      const left = this.#lastTaken + QUIET_MS - performance.now();
      if (left <= 0 || this.#waiting > MAX_WAITING || this.#hurried > 0 || this.#closing.signal.aborted)
        return;
      await Bun.sleep(Math.min(left, LOOK_MS));
    }
  }
}

/** @returns false for a directory */
async function unlinked(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return true;
    if (code === "EISDIR" || code === "EPERM") return false;
    throw error;
  }
}
