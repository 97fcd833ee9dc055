import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { log, messageOf, newId } from "../../lib/index.ts";
import { isErrno, openRoot, removeTree } from "../../linux/index.ts";

/** Deleting waits until nothing was thrown away for so long: who ends containers now has better use for the processor. */
const QUIET_MS = 100;
/** So many trees may wait for that. */
const MAX_WAITING = 64;

/**
 * A directory to which unwanted trees are renamed, which costs nothing, and where they are deleted in the background.
 * What a crash left there goes when it is opened again.
 */
export class Trash {
  readonly #path: string;
  #deleting: Promise<void> = Promise.resolve();
  #closed = false;
  #lastTaken = 0;
  #waiting = 0;
  /** How many wait until all is deleted. */
  #hurried = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /** On the same file system as what is to be thrown away. */
  static async open(path: string): Promise<Trash> {
    const trash = new Trash(path);
    await mkdir(path, { recursive: true, mode: 0o700 });
    for (const name of await readdir(path)) trash.#delete(name);
    return trash;
  }

  /** Takes a tree away from its place at once. Nothing happens where it is not there. */
  async take(path: string): Promise<void> {
    const name = newId();
    try {
      await rename(path, join(this.#path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    this.#lastTaken = performance.now();
    this.#delete(name);
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

  /** Ends after the tree that is being deleted; the rest goes when the trash is opened again. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#deleting;
  }

  /** One after the other: deleting is the disk's work, and nobody waits for it. */
  #delete(name: string): void {
    this.#waiting++;
    this.#deleting = this.#deleting.then(async () => {
      await this.#quiet();
      this.#waiting--;
      if (this.#closed) return;
      try {
        using root = openRoot(this.#path);
        using directory = root.directory("/");
        await removeTree(directory, name);
      } catch (error) {
        if (isErrno(error, 2)) return;
        log.warn("cannot delete from the trash", { path: join(this.#path, name), error: messageOf(error) });
      }
    });
  }

  async #quiet(): Promise<void> {
    for (;;) {
      const left = this.#lastTaken + QUIET_MS - performance.now();
      if (left <= 0 || this.#waiting > MAX_WAITING || this.#hurried > 0 || this.#closed) return;
      await Bun.sleep(Math.min(left, LOOK_MS));
    }
  }
}

/** How soon somebody who has begun to wait is noticed. */
const LOOK_MS = 20;
