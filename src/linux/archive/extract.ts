import {
  encodeName,
  invalidParameter,
  readTar,
  type TarEntry,
  type TarLimits,
  type TarMember,
} from "../../lib/index.ts";
import { O_CREAT, O_DIRECTORY, O_EXCL, O_PATH, O_RDONLY, O_WRONLY } from "../constants.ts";
import { EEXIST, ELOOP, ENOENT, ENOTDIR, isErrno, LinuxError } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { DirHandle } from "../files/dir-handle.ts";
import type { FileStat } from "../files/file-stat.ts";
import { removeTree } from "../files/remove-tree.ts";
import type { RootDir } from "../files/root-dir.ts";
import { showPath } from "../libc.ts";
import { setLength, writeAt } from "./file-io.ts";
import {
  isWhiteout,
  META_PREFIX,
  makeOpaque,
  makeOpaqueItself,
  makeWhiteout,
  OPAQUE_MARK,
  WHITEOUT_PREFIX,
} from "./overlay.ts";
import { type Placement, placeOf } from "./place.ts";
import { setOwnOwnerAndMode, setOwnTimes, setOwnXattr } from "./self.ts";
import { Turns } from "./turns.ts";
import { applyXattrs } from "./xattrs.ts";

export interface ExtractOptions {
  /**
   * What `.wh.` names mean: `overlay` turns them into overlayfs's marks, `apply` removes what they name,
   * `keep` (the default) makes them files like any other.
   */
  readonly whiteouts?: "overlay" | "apply" | "keep";
  /** A directory is not replaced by anything else, nor anything else by a directory (`docker cp`). */
  readonly noOverwriteDirNonDir?: boolean;
  /** Owner of what is made; the archive's by default. */
  readonly owner?: (entry: TarEntry) => { uid: number; gid: number };
  /** Device nodes: make them (the default), or leave them out. */
  readonly devices?: "make" | "skip";
  /** Most entries that the archive may have. */
  readonly maxEntries?: number;
  /** Most bytes that its files may have in sum. */
  readonly maxBytes?: number;
  readonly limits?: Partial<TarLimits>;
  /** Sees each chunk of the stream once, before its members. */
  readonly onChunk?: (chunk: Uint8Array) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

export interface ExtractResult {
  readonly entries: number;
  /** Bytes of all files and links' targets; a file counts once, however many names it has. */
  readonly contentBytes: number;
  /** What the archive says about its own top (`./`), where it says anything. */
  readonly root?: { readonly mode: number; readonly uid: number; readonly gid: number } | undefined;
}

/** Of directories that no entry describes. */
const IMPLIED_MODE = 0o755;

/**
 * Unpacks a tar stream into `path` of a tree that somebody else may control and change meanwhile. The archive's
 * names are looked up within the tree by the kernel, an entry is made within its opened parent, and nothing is ever
 * written through a link: an entry whose name exists already replaces it (directories merge), as the last of two
 * equal names does. Owner, then attributes, then mode, then times; those of directories at the very end.
 *
 * On failure, what was unpacked so far stays: whoever calls owns the tree.
 * @throws InvalidParameter for names that lead out (`..`), malformed archives, or beyond the limits;
 *   or for what `noOverwriteDirNonDir` forbids; LinuxError for what the kernel refuses.
 */
export async function extractTar(
  source: AsyncIterable<Uint8Array>,
  root: RootDir,
  path: string,
  options: ExtractOptions = {},
): Promise<ExtractResult> {
  // A tree of its own: links in the archive's way stay within the target only if they stay within `root`.
  using top = root.directory(path === "" ? "/" : path);
  using extractor = new Extractor(root, top, path, options);
  for await (const member of readTar(source, options)) {
    options.signal?.throwIfAborted();
    await extractor.take(member);
  }
  await extractor.finish();
  return extractor.result;
}

interface DirectoryTimes {
  readonly path: string;
  readonly mtimeNs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
}

class Extractor implements Disposable {
  readonly #root: RootDir;
  readonly #top: DirHandle;
  readonly #base: string;
  readonly #options: ExtractOptions;
  readonly #turns = new Turns();
  /** Entries often come directory by directory: the last parent stays open. */
  #parent: { path: string; handle: DirHandle; stale: boolean } | undefined;
  readonly #directories = new Map<string, DirectoryTimes>();
  readonly #isLayer: boolean;
  /** Where whiteouts are applied: paths that this archive made, which its own whiteouts must not touch. */
  readonly #made: Set<string> | undefined;
  /** Hard links whose target had not come yet. */
  readonly #waiting: TarEntry[] = [];
  #entries = 0;
  #contentBytes = 0;
  #fileBytes = 0;
  #described: ExtractResult["root"];

  constructor(root: RootDir, top: DirHandle, base: string, options: ExtractOptions) {
    this.#root = root;
    this.#top = top;
    this.#base = base.replace(/\/+$/, "");
    this.#options = options;
    this.#made = options.whiteouts === "apply" ? new Set() : undefined;
    this.#isLayer = (options.whiteouts ?? "keep") !== "keep";
  }

  get result(): ExtractResult {
    return { entries: this.#entries, contentBytes: this.#contentBytes, root: this.#described };
  }

  [Symbol.dispose](): void {
    this.#dropParent();
  }

  async take({ entry, body }: TarMember): Promise<void> {
    this.#count(entry);
    const turn = this.#turns.over();
    if (turn !== undefined) await turn;
    const place = placeOf(entry.name);
    if (place === undefined) {
      if (entry.kind === "directory") this.#describeTop(entry);
      return;
    }
    if (this.#isLayer && place.name.startsWith(WHITEOUT_PREFIX)) {
      await this.#whiteout(place);
      return;
    }
    if (this.#isLayer && isAufsMeta(place)) return;
    await this.#place(place, entry, body);
  }

  #count(entry: TarEntry): void {
    const { maxEntries, maxBytes } = this.#options;
    if (++this.#entries > (maxEntries ?? Number.POSITIVE_INFINITY)) {
      throw invalidParameter(`the archive has more than ${maxEntries} entries`);
    }
    this.#contentBytes += contentBytesOf(entry);
    this.#fileBytes += entry.kind === "file" ? entry.size : 0;
    if (this.#fileBytes > (maxBytes ?? Number.POSITIVE_INFINITY)) {
      throw invalidParameter(`the archive's files are larger than ${maxBytes} bytes in sum`);
    }
  }

  /** The archive's own top (`./`). */
  #describeTop(entry: TarEntry): void {
    const owner = this.#owner(entry);
    setOwnOwnerAndMode(this.#top.fd, owner, entry.mode);
    this.#described = { mode: entry.mode, uid: owner.uid, gid: owner.gid };
    applyXattrs(entry.xattrs, (attribute, value) => setOwnXattr(this.#top.fd, attribute, value));
    this.#rememberTimes("", entry, this.#top.stat());
  }

  async #whiteout({ directory, name }: Placement): Promise<void> {
    const parent = await this.#open(directory);
    const path = (of: string) => (directory === "" ? of : `${directory}/${of}`);
    if (name === OPAQUE_MARK) {
      if (this.#options.whiteouts === "overlay") makeOpaqueItself(parent);
      else await this.#emptyOfOthers(parent, path);
      return;
    }
    if (name.startsWith(META_PREFIX)) return;
    const target = name.slice(WHITEOUT_PREFIX.length);
    if (target === "" || target === "." || target === "..") {
      throw invalidParameter(`invalid whiteout name ${showPath(name)}`);
    }
    if (this.#made !== undefined) {
      if (this.#made.has(path(target))) return;
      await removeTree(parent, target);
      this.#forgetPaths();
      return;
    }
    // What the same layer has under this name hides the lower one by itself, unless both are directories.
    const there = parent.tryStat(target);
    if (there === undefined) makeWhiteout(parent, target);
    else if (there.kind === "directory") makeOpaque(parent, target);
  }

  /** An opaque mark hides what the layers below have, not what this one brought. */
  async #emptyOfOthers(parent: DirHandle, path: (name: string) => string): Promise<void> {
    const others = parent.list().filter(({ name }) => !this.#made!.has(path(name)));
    for (const { name } of others) await removeTree(parent, name);
  }

  async #place(place: Placement, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
    const { directory, name } = place;
    const parent = await this.#open(directory);
    const path = directory === "" ? name : `${directory}/${name}`;
    if (entry.kind === "hardlink" && isSamePlace(placeOf(entry.linkName), place)) return;
    const there = parent.tryStat(name);
    const hides = there !== undefined && (await this.#makeWay(parent, place, there, entry));
    const made = await this.#make(parent, name, path, entry, body);
    if (!made) return;
    this.#noteMade(path);
    // A whiteout that became a directory: the lower directory of that name is still gone.
    if (hides && entry.kind === "directory") makeOpaque(parent, name);
  }

  /**
   * Removes what is in the entry's way, except a directory for a directory.
   * @returns whether that was a whiteout
   */
  async #makeWay(parent: DirHandle, place: Placement, there: FileStat, entry: TarEntry): Promise<boolean> {
    const bothDirectories = there.kind === "directory" && entry.kind === "directory";
    if (bothDirectories) return false;
    if (this.#options.noOverwriteDirNonDir) refuseMixing(place, there, entry, this.#inRoot(""));
    const wasWhiteout = this.#options.whiteouts === "overlay" && isWhiteout(there);
    await removeTree(parent, place.name);
    this.#forgetPaths();
    return wasWhiteout;
  }

  /** @returns false where the entry is left out */
  async #make(
    parent: DirHandle,
    name: string,
    path: string,
    entry: TarEntry,
    body: AsyncIterable<Uint8Array>,
  ): Promise<boolean> {
    switch (entry.kind) {
      case "directory":
        this.#makeDirectory(parent, name, path, entry);
        return true;
      case "file":
        await this.#makeFile(parent, name, entry, body);
        return true;
      case "hardlink":
        return this.#makeHardLink(parent, name, entry);
      case "symlink":
        if (entry.linkName === "") throw invalidParameter(`link ${showPath(entry.name)} has no target`);
        parent.symlink(entry.linkName, name);
        break;
      case "char":
      case "block":
        if (this.#options.devices === "skip") return false;
        parent.mknod(name, entry.kind, entry.mode, entry.major, entry.minor);
        break;
      case "fifo":
        parent.mknod(name, "fifo", entry.mode);
        break;
      case "other":
        throw invalidParameter(`unhandled tar header type ${entry.typeFlag}`);
    }
    this.#describe(parent, name, entry);
    return true;
  }

  #makeDirectory(parent: DirHandle, name: string, path: string, entry: TarEntry): void {
    try {
      parent.mkdir(name, 0o700);
    } catch (error) {
      if (!isErrno(error, EEXIST)) throw error;
    }
    using directory = parent.openDirectory(name);
    setOwnOwnerAndMode(directory.fd, this.#owner(entry), entry.mode);
    applyXattrs(entry.xattrs, (attribute, value) => setOwnXattr(directory.fd, attribute, value));
    this.#rememberTimes(path, entry, directory.stat());
  }

  async #makeFile(
    parent: DirHandle,
    name: string,
    entry: TarEntry,
    body: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const fd = parent.open(name, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    try {
      await writeBody(fd, entry, body);
    } finally {
      closeDescriptor(fd);
    }
    this.#describe(parent, name, entry);
  }

  /** The link's target is looked up within the tree like any name; a symbolic link is linked itself. */
  #makeHardLink(parent: DirHandle, name: string, entry: TarEntry): boolean {
    const target = placeOf(entry.linkName);
    if (target === undefined) throw invalidParameter(`invalid hard link target ${showPath(entry.linkName)}`);
    try {
      using from = this.#openNow(target.directory);
      from.link(target.name, parent, name);
      return true;
    } catch (error) {
      if (!isErrno(error, ENOENT, ENOTDIR)) throw error;
      // Some archivers write a link before what it links to.
      this.#waiting.push(entry);
      return false;
    }
  }

  /** @throws InvalidParameter where the target never came */
  #makeWaitingLink(entry: TarEntry): void {
    const [place, target] = [placeOf(entry.name)!, placeOf(entry.linkName)!];
    try {
      using parent = this.#openNow(place.directory);
      if (parent.exists(place.name)) return;
      using from = this.#openNow(target.directory);
      from.link(target.name, parent, place.name);
    } catch (error) {
      if (!isErrno(error, ENOENT, ENOTDIR)) throw error;
      const [name, to] = [showPath(entry.name), showPath(entry.linkName)];
      throw invalidParameter(`hard link ${name} to ${to}, which is not there`, error);
    }
  }

  /** Changing the owner clears set-id bits and capabilities: it comes first. Links have no mode. */
  #describe(parent: DirHandle, name: string, entry: TarEntry): void {
    parent.chown(name, this.#owner(entry));
    applyXattrs(entry.xattrs, (attribute, value) => parent.setXattr(name, attribute, value));
    if (entry.kind !== "symlink") parent.chmod(name, entry.mode);
    parent.utimes(name, entry.atimeNs ?? entry.mtimeNs, entry.mtimeNs);
  }

  #owner(entry: TarEntry): { uid: number; gid: number } {
    return this.#options.owner?.(entry) ?? entry;
  }

  #noteMade(path: string): void {
    if (this.#made === undefined) return;
    // Each directory above counts as this layer's too: an opaque mark keeps it.
    for (
      let at = path;
      at !== "" && !this.#made.has(at);
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")))
    ) {
      this.#made.add(at);
    }
  }

  #rememberTimes(path: string, entry: TarEntry, { dev, ino }: FileStat): void {
    this.#directories.set(path, { path, mtimeNs: entry.mtimeNs, dev, ino });
  }

  /** The directory that a cleaned path names within the tree, made where it is missing. */
  async #open(path: string): Promise<DirHandle> {
    if (path === "") return this.#top;
    if (this.#parent?.path === path && !this.#parent.stale) return this.#parent.handle;
    let handle: DirHandle;
    try {
      handle = this.#openNow(path);
    } catch (error) {
      if (!isErrno(error, ENOENT, ENOTDIR)) throw error;
      await this.#makeParents(path);
      handle = this.#openNow(path);
    }
    this.#dropParent();
    this.#parent = { path, handle, stale: false };
    return handle;
  }

  #openNow(path: string): DirHandle {
    return new DirHandle(this.#root.open(this.#inRoot(path), O_RDONLY | O_DIRECTORY));
  }

  #inRoot(path: string): string {
    return `${this.#base}/${path}`;
  }

  /** Directories that the archive implies: `a/b` without `a/`. */
  async #makeParents(path: string): Promise<void> {
    const names = path.split("/");
    for (let depth = 1; depth <= names.length; depth++) {
      const directory = names.slice(0, depth - 1).join("/");
      const name = names[depth - 1]!;
      const current = names.slice(0, depth).join("/");
      if (this.#isDirectory(current)) continue;
      using parent = this.#openNow(directory);
      const there = parent.tryStat(name);
      // A whiteout of this layer, and then something below that name: the directory is new and hides the lower one.
      const wasWhiteout = there !== undefined && this.#options.whiteouts === "overlay" && isWhiteout(there);
      if (wasWhiteout) parent.unlink(name);
      else if (there !== undefined) throw new LinuxError("mkdirat", ENOTDIR, showPath(current));
      parent.mkdir(name, IMPLIED_MODE);
      parent.chmod(name, IMPLIED_MODE);
      if (wasWhiteout) makeOpaque(parent, name);
      this.#noteMade(current);
    }
  }

  #isDirectory(path: string): boolean {
    try {
      closeDescriptor(this.#root.open(this.#inRoot(path), O_PATH | O_DIRECTORY));
      return true;
    } catch (error) {
      if (isErrno(error, ENOENT, ENOTDIR)) return false;
      throw error;
    }
  }

  /** What a path led to may be another directory now; the present entry goes on with the one that is open. */
  #forgetPaths(): void {
    if (this.#parent !== undefined) this.#parent.stale = true;
  }

  #dropParent(): void {
    this.#parent?.handle.close();
    this.#parent = undefined;
  }

  /** What can only be done when all entries are there: links that came too early, then times of directories. */
  async finish(): Promise<void> {
    for (const entry of this.#waiting) this.#makeWaitingLink(entry);
    for (const times of this.#directories.values()) {
      const turn = this.#turns.over();
      if (turn !== undefined) await turn;
      this.#setTimes(times);
    }
  }

  /** A directory that was replaced meanwhile keeps its own. */
  #setTimes({ path, mtimeNs, dev, ino }: DirectoryTimes): void {
    try {
      using directory = path === "" ? undefined : this.#openNow(path);
      const handle = directory ?? this.#top;
      const now = handle.stat();
      if (now.dev === dev && now.ino === ino) setOwnTimes(handle.fd, mtimeNs, mtimeNs);
    } catch (error) {
      if (!isErrno(error, ENOENT, ENOTDIR, ELOOP)) throw error;
    }
  }
}

/** What an entry adds to the size of a layer as Docker counts it: a file's length, a symbolic link's target's. */
export function contentBytesOf({ kind, size, linkName }: TarEntry): number {
  return kind === "file" ? size : kind === "symlink" ? encodeName(linkName).length : 0;
}

/** GNU tar repeats a file that it was given twice as a hard link to itself. */
function isSamePlace(a: Placement | undefined, b: Placement): boolean {
  return a !== undefined && a.directory === b.directory && a.name === b.name;
}

function isAufsMeta({ directory, name }: Placement): boolean {
  return (directory === "" ? name : directory).startsWith(META_PREFIX);
}

/** Docker's words. */
function refuseMixing(place: Placement, there: FileStat, entry: TarEntry, target: string): void {
  const path = showPath(`${target}${place.directory === "" ? "" : `${place.directory}/`}${place.name}`);
  const to = showPath(target);
  if (there.kind === "directory") {
    throw invalidParameter(`cannot overwrite directory "${path}" with non-directory "${to}"`);
  }
  if (entry.kind === "directory") {
    throw invalidParameter(`cannot overwrite non-directory "${path}" with directory "${to}"`);
  }
}

async function writeBody(fd: number, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
  const segments = entry.segments ?? [{ offset: 0, length: entry.size }];
  let at = 0;
  let within = 0;
  for await (const chunk of body) {
    for (let used = 0; used < chunk.length; ) {
      while (within === segments[at]!.length) {
        at++;
        within = 0;
      }
      const segment = segments[at]!;
      const length = Math.min(segment.length - within, chunk.length - used);
      await writeAt(fd, chunk.subarray(used, used + length), segment.offset + within);
      within += length;
      used += length;
    }
  }
  if (entry.segments !== undefined) await setLength(fd, entry.size);
}
