import { type BigIntStats, type FSWatcher, lstatSync, readdirSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { systemError } from "../../lib/index.ts";

/** What has become of a path since it was last looked at. */
export interface Change {
  readonly path: string;
  readonly kind: "changed" | "removed";
  readonly isDirectory: boolean;
}

/** More events than this at once may be more than the kernel has told of. */
const EVENTS_MAX = 4096;

/** How often a folder that has gone is looked for. */
const RETURN_MS = 1000;

interface Folder {
  readonly path: string;
  inode: bigint;
  watcher: FSWatcher;
  /** It may have been removed, and the watch with it, whatever stands there now. */
  suspect: boolean;
  /** What tells a file's versions apart, by name. */
  readonly files: Map<string, string>;
  readonly folders: Map<string, Folder>;
}

/**
 * Some paths of this machine, folders with all that is in them, and what changes there. Each folder has a watch of its own;
 * what has changed is found by looking again where something happened, so that files written in several steps, replaced by
 * renaming or gone again at once come out right, and nothing is lost when events are.
 */
export class WatchedTree implements Disposable {
  readonly #wanted: (path: string, isDirectory: boolean) => boolean;
  readonly #onDirty: () => void;
  /** Parents of the roots, which come and go themselves. */
  readonly #anchors: { readonly folder: Folder; readonly names: ReadonlySet<string> }[] = [];
  readonly #dirty = new Set<Folder>();
  readonly #dropped = new WeakSet<Folder>();
  #events = 0;
  #closed = false;
  #returning: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param roots none inside another.
   * @param wanted whether a file counts, and whether a folder is looked into.
   * @param onDirty told when there is something to look at; the changes are what `changes` then gives.
   * @throws System where the kernel gives no more watches.
   */
  constructor(
    roots: readonly string[],
    wanted: (path: string, isDirectory: boolean) => boolean,
    onDirty: () => void,
  ) {
    this.#wanted = wanted;
    this.#onDirty = onDirty;
    const names = new Map<string, Set<string>>();
    for (const root of roots) {
      const parent = dirname(root);
      names.set(parent, (names.get(parent) ?? new Set()).add(basename(root)));
    }
    try {
      for (const [parent, set] of names) this.#anchor(parent, set);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** How many folders are watched. */
  get folderCount(): number {
    const count = (folder: Folder): number =>
      [...folder.folders.values()].reduce((sum, one) => sum + count(one), 1);
    return this.#anchors.reduce((sum, { folder }) => sum + count(folder), 0);
  }

  /** All files there are, for a first copy. */
  *files(): Generator<string, void> {
    for (const { folder } of this.#anchors) yield* filesIn(folder);
  }

  /** What is different since the last call. */
  changes(): Change[] {
    const found: Change[] = [];
    this.#holdAnchors();
    const folders =
      this.#events > EVENTS_MAX ? this.#anchors.flatMap(({ folder }) => [...all(folder)]) : [...this.#dirty];
    this.#dirty.clear();
    this.#events = 0;
    for (const folder of folders) if (!this.#dropped.has(folder)) this.#look(folder, found);
    return found;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#returning);
    for (const { folder } of this.#anchors) close(folder);
    this.#anchors.length = 0;
    this.#dirty.clear();
  }

  #anchor(path: string, names: ReadonlySet<string>): void {
    const stat = statOf(path);
    if (stat === undefined) throw systemError(`cannot watch ${path}: no such file or directory`);
    const folder = this.#open(path, stat.ino, names);
    this.#anchors.push({ folder, names });
    this.#look(folder, []);
  }

  /** A parent that was replaced is watched in its new shape; one that is gone is looked for again. */
  #holdAnchors(): void {
    for (const { folder, names } of this.#anchors) {
      const stat = folder.suspect ? statOf(folder.path) : undefined;
      if (stat !== undefined) this.#openAgain(folder, stat.ino, names);
      if (folder.suspect) this.#lookLater(folder);
    }
  }

  #lookLater(folder: Folder): void {
    clearTimeout(this.#returning);
    this.#returning = setTimeout(() => this.#touch(folder), RETURN_MS);
  }

  /** @param names the only ones in it that count, where not all do. */
  #open(path: string, inode: bigint, names?: ReadonlySet<string>): Folder {
    const folder = { path, inode, suspect: false, files: new Map(), folders: new Map() };
    return Object.assign(folder, { watcher: this.#watch(folder as unknown as Folder, names) });
  }

  /** What was in it is compared with what is. */
  #openAgain(folder: Folder, inode: bigint, names?: ReadonlySet<string>): void {
    folder.watcher.close();
    folder.watcher = this.#watch(folder, names);
    folder.inode = inode;
    folder.suspect = false;
    this.#dirty.add(folder);
  }

  #watch(folder: Folder, names: ReadonlySet<string> | undefined): FSWatcher {
    const own = basename(folder.path);
    let watcher: FSWatcher;
    try {
      watcher = watch(folder.path);
    } catch (error) {
      throw watchError(folder.path, error);
    }
    watcher.on("change", (_type: string, what: string | Buffer | null | undefined) => {
      const name = what === null || what === undefined ? own : String(what);
      // That of the folder itself is told when it goes.
      if (name === own) folder.suspect = true;
      if (name === own || names === undefined || names.has(name)) this.#touch(folder);
    });
    watcher.on("error", () => {
      folder.suspect = true;
      this.#touch(folder);
    });
    return watcher;
  }

  #touch(folder: Folder): void {
    if (this.#closed) return;
    this.#events++;
    this.#dirty.add(folder);
    this.#onDirty();
  }

  /** Compares a folder with what it was. */
  #look(folder: Folder, found: Change[]): void {
    const names = this.#namesIn(folder);
    const seen = new Set<string>();
    for (const name of names) {
      const path = joined(folder.path, name);
      const stat = statOf(path);
      if (stat === undefined) continue;
      const isDirectory = stat.isDirectory();
      if (!isDirectory && !stat.isFile() && !stat.isSymbolicLink()) continue;
      if (!this.#wanted(path, isDirectory)) continue;
      seen.add(name);
      if (isDirectory) this.#lookAtFolder(folder, name, path, stat, found);
      else this.#lookAtFile(folder, name, path, stat, found);
    }
    for (const name of folder.files.keys()) {
      if (seen.has(name)) continue;
      folder.files.delete(name);
      found.push({ path: joined(folder.path, name), kind: "removed", isDirectory: false });
    }
    for (const [name, inner] of folder.folders) if (!seen.has(name)) this.#drop(folder, name, inner, found);
  }

  #namesIn(folder: Folder): readonly string[] {
    const names = this.#anchors.find((anchor) => anchor.folder === folder)?.names;
    if (names !== undefined) return [...names];
    try {
      return readdirSync(folder.path);
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  #lookAtFolder(folder: Folder, name: string, path: string, stat: BigIntStats, found: Change[]): void {
    const known = folder.folders.get(name);
    if (known !== undefined) {
      if (known.inode === stat.ino && !known.suspect) return;
      this.#dirty.delete(known);
      try {
        this.#openAgain(known, stat.ino);
      } catch (error) {
        if (!isGone((error as Error).cause)) throw error;
        return;
      }
      this.#dirty.delete(known);
      this.#look(known, found);
      return;
    }
    if (folder.files.delete(name)) found.push({ path, kind: "removed", isDirectory: false });
    let inner: Folder;
    try {
      inner = this.#open(path, stat.ino);
    } catch (error) {
      if (!isGone((error as Error).cause)) throw error;
      return;
    }
    folder.folders.set(name, inner);
    found.push({ path, kind: "changed", isDirectory: true });
    this.#look(inner, found);
  }

  #lookAtFile(folder: Folder, name: string, path: string, stat: BigIntStats, found: Change[]): void {
    const inner = folder.folders.get(name);
    if (inner !== undefined) this.#drop(folder, name, inner, found);
    const version = `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.mode}`;
    if (folder.files.get(name) === version) return;
    folder.files.set(name, version);
    found.push({ path, kind: "changed", isDirectory: false });
  }

  #drop(folder: Folder, name: string, inner: Folder, found: Change[]): void {
    folder.folders.delete(name);
    for (const one of all(inner)) {
      this.#dirty.delete(one);
      this.#dropped.add(one);
    }
    for (const path of filesIn(inner)) found.push({ path, kind: "removed", isDirectory: false });
    found.push({ path: inner.path, kind: "removed", isDirectory: true });
    close(inner);
  }
}

function* all(folder: Folder): Generator<Folder, void> {
  yield folder;
  for (const inner of folder.folders.values()) yield* all(inner);
}

function* filesIn(folder: Folder): Generator<string, void> {
  for (const name of folder.files.keys()) yield joined(folder.path, name);
  for (const inner of folder.folders.values()) yield* filesIn(inner);
}

function close(folder: Folder): void {
  for (const one of all(folder)) one.watcher.close();
}

const joined = (folder: string, name: string) => (folder === "/" ? `/${name}` : `${folder}/${name}`);

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ENOENT" || code === "ENOTDIR";
}

function watchError(path: string, error: unknown): Error {
  const { code } = error as { code?: string };
  if (code === "ENOSPC" || code === "EMFILE") {
    return systemError(
      `cannot watch ${path}: there are too many folders; leave some out with "ignore", or raise fs.inotify.max_user_watches`,
      error,
    );
  }
  return systemError(`cannot watch ${path}: ${(error as Error).message}`, error);
}
