import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { log, messageOf, newId } from "../../lib/index.ts";
import { isErrno, openRoot, removeTree } from "../../linux/index.ts";

/**
 * A directory to which unwanted trees are renamed, which costs nothing, and where they are deleted in the background.
 * What a crash left there goes when it is opened again.
 */
export class Trash {
  readonly #path: string;
  #deleting: Promise<void> = Promise.resolve();
  #closed = false;

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
    this.#delete(name);
  }

  /** Resolves when everything taken so far is deleted. */
  async emptied(): Promise<void> {
    await this.#deleting;
  }

  /** Ends after the tree that is being deleted; the rest goes when the trash is opened again. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#deleting;
  }

  /** One after the other: deleting is the disk's work, and nobody waits for it. */
  #delete(name: string): void {
    this.#deleting = this.#deleting.then(async () => {
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
}
