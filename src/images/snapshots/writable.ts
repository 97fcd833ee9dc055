import { chmod, chown, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { notFound } from "../../lib/index.ts";
import {
  isErrno,
  openRoot,
  packTree,
  type RootDir,
  Turns,
  type WalkEntry,
  walkTree,
} from "../../linux/index.ts";
import type { Trash } from "../../store/index.ts";
import type { FilesystemChange } from "../../wire/index.ts";
import { directoriesOfEngine, listChanges } from "./changes.ts";
import type { ChangeOptions, Snapshot } from "./snapshotter.ts";

/** A key is a name that its owner chose; as a directory's name it must stay one. */
const KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$/;

const ENOENT = 2;
const ENOTDIR = 20;

/** The writable directories of snapshots, `<root>/<key>/{upper,work}`, the same whatever the layers below are. */
export class WritableDirectories {
  readonly #root: string;
  readonly #trash: Trash;

  private constructor(root: string, trash: Trash) {
    this.#root = root;
    this.#trash = trash;
  }

  static async open(root: string, trash: Trash): Promise<WritableDirectories> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    return new WritableDirectories(root, trash);
  }

  upper(key: string): string {
    return join(this.#path(key), "upper");
  }

  work(key: string): string {
    return join(this.#path(key), "work");
  }

  #path(key: string): string {
    if (!KEY.test(key)) throw notFound(`no such snapshot: ${key}`);
    return join(this.#root, key);
  }

  /**
   * The upper directory's own owner and mode are those that the container sees of `/`. It is made last: where it is
   * there, all is.
   */
  async prepare({ key, root }: Snapshot): Promise<void> {
    const { mode, uid, gid } = root ?? { mode: 0o755, uid: 0, gid: 0 };
    await mkdir(this.work(key), { recursive: true, mode: 0o700 });
    const upper = this.upper(key);
    try {
      await mkdir(upper, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
      throw error;
    }
    if (uid !== 0 || gid !== 0) await chown(upper, uid, gid);
    await chmod(upper, mode);
  }

  async remove(key: string): Promise<void> {
    this.#trash.take(this.#path(key));
  }

  async list(): Promise<string[]> {
    return await readdir(this.#root);
  }

  /** @throws NotFound */
  open(key: string): RootDir {
    try {
      return openRoot(this.upper(key));
    } catch (error) {
      if (isErrno(error, ENOENT, ENOTDIR)) throw notFound(`no such snapshot: ${key}`, error);
      throw error;
    }
  }

  async usage(key: string): Promise<number> {
    using root = this.open(key);
    using top = root.directory("/");
    const turns = new Turns();
    const counted = new Set<bigint>();
    let bytes = 0;
    for (const { type, entry } of walkTree(top)) {
      const turn = turns.over();
      if (turn !== undefined) await turn;
      const { kind, nlink, ino, size } = entry.stat;
      if (type === "leave" || kind === "directory") continue;
      if (nlink > 1) {
        if (counted.has(ino)) continue;
        counted.add(ino);
      }
      bytes += size;
    }
    return bytes;
  }

  async changes(key: string, lower: RootDir, options?: ChangeOptions): Promise<FilesystemChange[]> {
    using root = this.open(key);
    using top = root.directory("/");
    return await listChanges(top, lower, exclusion(options, lower));
  }

  async *diff(
    key: string,
    lower: RootDir | undefined,
    options?: ChangeOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    using root = this.open(key);
    const isExcluded = exclusion(options, lower);
    using top = root.directory("/");
    const ours = await directoriesOfEngine(top, lower, isExcluded);
    yield* packTree(root, "/", {
      name: "",
      whiteouts: true,
      exclude: (path, stat, directory) =>
        ours.has(`/${path}`) ||
        isExcluded(`/${path}`, { path, stat, directory, name: path.slice(path.lastIndexOf("/") + 1) }),
    });
  }
}

/**
 * Mount points and files that the engine put into the writable directory, while they are as it made them: an empty
 * file or directory that the layers do not have.
 */
function exclusion(
  options: ChangeOptions | undefined,
  lower: RootDir | undefined,
): (path: string, entry: WalkEntry) => boolean {
  const excluded = new Set(options?.exclude);
  if (excluded.size === 0) return () => false;
  const isOurs = (path: string, { stat, directory, name }: WalkEntry): boolean => {
    if (!excluded.has(path) || lower?.exists(path, { follow: false })) return false;
    if (stat.kind === "file") return stat.size === 0;
    if (stat.kind !== "directory") return stat.kind === "symlink";
    using handle = directory.openDirectory(name);
    return handle.list().every((child) => {
      const below = { directory: handle, name: child.name, path: `${path}/${child.name}`.slice(1) };
      return isOurs(`${path}/${child.name}`, { ...below, stat: handle.stat(child.name) });
    });
  };
  return isOurs;
}
