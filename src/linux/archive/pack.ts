import { readSync } from "node:fs";
import { encodeHeader, padding, TAR_END, type TarHeader, type TarKind } from "../../lib/index.ts";
import { ENOENT, isErrno } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import type { DirHandle } from "../files/dir-handle.ts";
import type { FileStat } from "../files/file-stat.ts";
import type { RootDir } from "../files/root-dir.ts";

import { splitPath } from "../paths.ts";
import { readInto } from "./file-io.ts";
import { isOpaque, isWhiteout, OPAQUE_MARK, WHITEOUT_PREFIX } from "./overlay.ts";
import { Turns } from "./turns.ts";
import { walkTree } from "./walk.ts";
import { readXattrs } from "./xattrs.ts";

export interface PackOptions {
  /**
   * The packed entry's name in the archive. Where it is empty, the entry has to be a directory, and the archive
   * has what is in it without the directory itself.
   */
  readonly name: string;
  /** Stay on the file system that the top is on: directories on others are packed empty. */
  readonly oneFileSystem?: boolean;
  /** The tree is an overlay's upper directory: write OCI's whiteouts for its marks. */
  readonly whiteouts?: boolean;
  /** Paths below the top (`a/b`) to leave out, with everything below them. */
  readonly exclude?: (path: string, stat: FileStat, directory: DirHandle) => boolean;
  /** Owner in the archive; as on disk by default. */
  readonly owner?: (stat: FileStat) => { uid: number; gid: number };
  /** A chunk holds only until the next is asked for, which spares the memory of all of them. */
  readonly reuseChunks?: boolean;
}

/** Chunks are filled up to this size before they go out. */
const CHUNK_BYTES = 256 * 1024;
/** Files up to this size are read at once: they are read faster than a thread of the pool wakes up. */
const SMALL_BYTES = 64 * 1024;

const KINDS: Record<string, TarKind> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  char: "char",
  block: "block",
  fifo: "fifo",
};

/**
 * A tree as a tar stream: entries in the order of their names, with owners, modes, times to the nanosecond,
 * extended attributes and hard links (the first name met has the content). Links are packed, never followed,
 * and sockets are left out. A file that shrinks meanwhile is filled with zeros, as by GNU tar.
 *
 * `path` is looked up within `root`; its last component is not followed unless it ends in `/` or `/.`.
 * Chunks belong to the receiver, unless `reuseChunks`.
 * @throws LinuxError ENOENT where the path is not there.
 */
export async function* packTree(
  root: RootDir,
  path: string,
  options: PackOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const packer = new Packer(options);
  const { parent, name } = splitPath(path);
  const isDirectory = name === undefined || /\/$/.test(path);
  if (isDirectory) {
    using top = root.directory(path);
    yield* packer.directory(top);
  } else {
    using above = root.directory(parent);
    if (above.stat(name).kind === "directory") {
      using top = above.openDirectory(name);
      yield* packer.directory(top);
    } else yield* packer.single(above, name);
  }
}

class Packer {
  readonly #options: PackOptions;
  /** First archive name of each file that has several, by device and inode. */
  readonly #links = new Map<string, string>();
  readonly #turns = new Turns();
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #filled = 0;

  constructor(options: PackOptions) {
    this.#options = options;
  }

  async *single(directory: DirHandle, name: string): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#entry(directory, name, this.#options.name, directory.stat(name));
    yield* this.#end();
  }

  async *directory(top: DirHandle): AsyncGenerator<Uint8Array, void, undefined> {
    const { name: topName, exclude } = this.#options;
    const stat = top.stat();
    const prefix = topName === "" ? "" : `${topName.replace(/\/+$/, "")}/`;
    if (prefix !== "") yield* this.#bytes(this.#header(top, undefined, prefix, stat));
    let skipped: string | undefined;
    const walk = walkTree(top, {
      descend: (entry) =>
        entry.path !== skipped && (this.#options.oneFileSystem !== true || entry.stat.dev === stat.dev),
    });
    for (const { type, entry } of walk) {
      const turn = this.#turns.over();
      if (turn !== undefined) await turn;
      if (type === "leave") continue;
      if (exclude?.(entry.path, entry.stat, entry.directory)) {
        skipped = entry.path;
        continue;
      }
      yield* this.#entry(entry.directory, entry.name, prefix + entry.path, entry.stat);
    }
    yield* this.#end();
  }

  async *#end(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#bytes(TAR_END);
    if (this.#filled > 0) yield this.#chunk.subarray(0, this.#filled);
  }

  async *#entry(
    directory: DirHandle,
    name: string,
    archiveName: string,
    stat: FileStat,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (stat.kind === "socket") return;
    if (this.#options.whiteouts && name.startsWith(WHITEOUT_PREFIX)) return;
    if (this.#options.whiteouts && isWhiteout(stat)) {
      yield* this.#bytes(whiteoutHeader(archiveName, WHITEOUT_PREFIX, stat));
      return;
    }
    const linkName = this.#firstName(stat, archiveName);
    try {
      if (linkName !== undefined) {
        yield* this.#bytes(this.#header(directory, name, archiveName, stat, linkName));
      } else if (stat.kind === "file") yield* this.#file(directory, name, archiveName, stat);
      else if (stat.kind === "directory") yield* this.#directoryEntry(directory, name, archiveName, stat);
      else yield* this.#bytes(this.#header(directory, name, archiveName, stat));
    } catch (error) {
      // Removed between two looks: as if it had never been met. A file is opened before its header goes out.
      if (!isErrno(error, ENOENT)) throw error;
      if (linkName === undefined) this.#links.delete(linkKey(stat));
    }
  }

  async *#directoryEntry(
    directory: DirHandle,
    name: string,
    archiveName: string,
    stat: FileStat,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#bytes(this.#header(directory, name, `${archiveName}/`, stat));
    if (this.#options.whiteouts && isOpaque(directory, name)) {
      yield* this.#bytes(whiteoutHeader(`${archiveName}/${OPAQUE_MARK}`, "", stat));
    }
  }

  /** The name under which the same file is in the archive already. */
  #firstName(stat: FileStat, archiveName: string): string | undefined {
    if (stat.nlink < 2 || stat.kind === "directory") return undefined;
    const key = linkKey(stat);
    const first = this.#links.get(key);
    if (first === undefined) this.#links.set(key, archiveName);
    return first;
  }

  #header(
    directory: DirHandle,
    name: string | undefined,
    archiveName: string,
    stat: FileStat,
    hardLinkTo?: string,
  ): Uint8Array {
    const { uid, gid } = this.#options.owner?.(stat) ?? stat;
    const isSymlink = stat.kind === "symlink";
    const header: Partial<TarHeader> & Pick<TarHeader, "name" | "kind"> = {
      name: archiveName,
      kind: hardLinkTo === undefined ? KINDS[stat.kind]! : "hardlink",
      linkName: hardLinkTo ?? (isSymlink ? directory.readLink(name!) : ""),
      mode: stat.mode,
      uid,
      gid,
      size: stat.kind === "file" ? stat.size : 0,
      mtimeNs: stat.mtimeNs,
      major: stat.major,
      minor: stat.minor,
      ...(hardLinkTo === undefined ? { xattrs: readXattrs(directory, name) } : {}),
    };
    return encodeHeader(header);
  }

  async *#file(
    directory: DirHandle,
    name: string,
    archiveName: string,
    stat: FileStat,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (stat.size === 0) {
      yield* this.#bytes(this.#header(directory, name, archiveName, stat));
      return;
    }
    const fd = directory.openRegular(name);
    try {
      yield* this.#bytes(this.#header(directory, name, archiveName, stat));
      if (stat.size <= SMALL_BYTES) yield* this.#smallFile(fd, stat.size);
      else yield* this.#largeFile(fd, stat.size);
      yield* this.#bytes(padding(stat.size));
    } finally {
      closeDescriptor(fd);
    }
  }

  *#smallFile(fd: number, size: number): Generator<Uint8Array, void, undefined> {
    yield* this.#room(size);
    const end = this.#filled + size;
    while (this.#filled < end) {
      const count: number = readSync(fd, this.#chunk, this.#filled, end - this.#filled, null);
      if (count === 0) this.#chunk.fill(0, this.#filled, end);
      this.#filled = count === 0 ? end : this.#filled + count;
    }
  }

  async *#largeFile(fd: number, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#filled > 0) yield this.#takeChunk();
    let left = size;
    let atEnd = false;
    while (left > 0) {
      const bytes = this.#chunk.subarray(0, Math.min(left, CHUNK_BYTES));
      const count: number = atEnd ? 0 : await readInto(fd, bytes);
      atEnd = count === 0;
      if (atEnd) bytes.fill(0);
      this.#filled = atEnd ? bytes.length : count;
      left -= this.#filled;
      yield this.#takeChunk();
    }
  }

  /** Appends to the chunk, and hands over chunks that are full. */
  *#bytes(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    if (bytes.length > CHUNK_BYTES) {
      if (this.#filled > 0) yield this.#takeChunk();
      yield bytes;
      return;
    }
    yield* this.#room(bytes.length);
    this.#chunk.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  *#room(length: number): Generator<Uint8Array, void, undefined> {
    if (this.#filled + length > CHUNK_BYTES) yield this.#takeChunk();
  }

  #takeChunk(): Uint8Array {
    const full = this.#chunk.subarray(0, this.#filled);
    if (this.#options.reuseChunks !== true) this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#filled = 0;
    return full;
  }
}

const linkKey = (stat: FileStat) => `${stat.dev}:${stat.ino}`;

/** An empty file whose name says what is gone; times and owner are the mark's. */
function whiteoutHeader(archiveName: string, prefix: string, stat: FileStat): Uint8Array {
  const slash = archiveName.lastIndexOf("/") + 1;
  const name = archiveName.slice(0, slash) + prefix + archiveName.slice(slash);
  return encodeHeader({
    name,
    kind: "file",
    mode: 0o600,
    uid: stat.uid,
    gid: stat.gid,
    mtimeNs: stat.mtimeNs,
  });
}
