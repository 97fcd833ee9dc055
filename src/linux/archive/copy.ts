import { O_CREAT, O_EXCL, O_WRONLY } from "../constants.ts";
import { EEXIST, ENOENT, isErrno } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import type { DirHandle } from "../files/dir-handle.ts";
import type { FileStat } from "../files/file-stat.ts";
import { shareBlocks } from "../files/reflink.ts";
import { removeTree } from "../files/remove-tree.ts";
import type { RootDir } from "../files/root-dir.ts";
import { nextData, readInto, setLength, writeAt } from "./file-io.ts";
import { setOwnOwnerAndMode, setOwnTimes, setOwnXattr } from "./self.ts";
import { Turns } from "./turns.ts";
import { walkTree } from "./walk.ts";
import { applyXattrs, readXattrs } from "./xattrs.ts";

const COPY_BYTES = 1 << 20;

/**
 * Copies what is in a directory into another one that exists: owners, modes, times, extended attributes, hard
 * links among the copied files, holes; the target directory itself takes the source's owner, mode, attributes and
 * times. Files share their blocks with the originals where the file system can do that. Both paths are looked up within their trees; links are copied, never followed, and sockets are left
 * out. What has a name in the target's way is replaced, directories merge.
 * @throws LinuxError ENOENT or ENOTDIR where either is no directory.
 */
export async function copyTree(
  from: RootDir,
  fromPath: string,
  to: RootDir,
  toPath: string,
  options: CopyOptions = {},
): Promise<void> {
  using source = from.directory(fromPath === "" ? "/" : fromPath);
  using target = to.directory(toPath === "" ? "/" : toPath);
  await new Copy(source, target, to, toPath, options).run();
}

export interface CopyOptions {
  /** Looked at between two files. */
  readonly signal?: AbortSignal;
}

class Copy {
  readonly #source: DirHandle;
  readonly #target: DirHandle;
  readonly #to: RootDir;
  readonly #base: string;
  readonly #turns = new Turns();
  /** Where the copy of a file with several names is, by device and inode of the original. */
  readonly #links = new Map<string, string>();
  readonly #signal: AbortSignal | undefined;
  #parent: { path: string; handle: DirHandle } | undefined;
  /** Until the file system has once said that it can't. */
  #shares = true;

  constructor(source: DirHandle, target: DirHandle, to: RootDir, base: string, options: CopyOptions) {
    this.#source = source;
    this.#signal = options.signal;
    this.#target = target;
    this.#to = to;
    this.#base = base.replace(/\/+$/, "");
  }

  async run(): Promise<void> {
    try {
      for (const { type, entry } of walkTree(this.#source)) {
        const turn = this.#turns.over();
        if (turn !== undefined) await turn;
        this.#signal?.throwIfAborted();
        const slash = entry.path.lastIndexOf("/");
        const parent = this.#open(entry.path.slice(0, Math.max(0, slash)));
        if (type === "leave") parent.utimes(entry.name, entry.stat.atimeNs, entry.stat.mtimeNs);
        else await this.#copy(entry.directory, parent, entry.name, entry.path, entry.stat);
      }
      describeTop(this.#source, this.#target);
    } finally {
      this.#parent?.handle.close();
    }
  }

  #open(path: string): DirHandle {
    if (path === "") return this.#target;
    if (this.#parent?.path !== path) {
      const handle = this.#to.directory(`${this.#base}/${path}`);
      this.#parent?.handle.close();
      this.#parent = { path, handle };
    }
    return this.#parent.handle;
  }

  async #copy(from: DirHandle, to: DirHandle, name: string, path: string, stat: FileStat): Promise<void> {
    if (stat.kind === "socket") return;
    const there = to.tryStat(name);
    if (there !== undefined && !(there.kind === "directory" && stat.kind === "directory")) {
      await removeTree(to, name);
    }
    if (this.#linked(to, name, path, stat)) return;
    try {
      if (stat.kind === "file") await this.#copyFile(from, to, name, stat);
      else make(from, to, name, stat);
    } catch (error) {
      if (isErrno(error, ENOENT) && !from.exists(name)) return;
      throw error;
    }
    describe(from, to, name, stat);
  }

  async #copyFile(from: DirHandle, to: DirHandle, name: string, stat: FileStat): Promise<void> {
    const input = from.openRegular(name);
    try {
      const output = to.open(name, O_WRONLY | O_CREAT | O_EXCL, 0o600);
      try {
        // Small files too: where blocks can be shared that is less work than to read and write them.
        this.#shares &&= stat.size === 0 || shareBlocks(input, output);
        if (!this.#shares) await copyData(input, output, stat.size);
      } finally {
        closeDescriptor(output);
      }
    } finally {
      closeDescriptor(input);
    }
  }

  #linked(to: DirHandle, name: string, path: string, stat: FileStat): boolean {
    if (stat.nlink < 2 || stat.kind === "directory") return false;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) {
      this.#links.set(key, path);
      return false;
    }
    const slash = first.lastIndexOf("/");
    const directory = first.slice(0, Math.max(0, slash));
    if (directory === "") this.#target.link(first, to, name);
    else {
      using above = this.#to.directory(`${this.#base}/${directory}`);
      above.link(first.slice(slash + 1), to, name);
    }
    return true;
  }
}

function make(from: DirHandle, to: DirHandle, name: string, stat: FileStat): void {
  switch (stat.kind) {
    case "file":
    case "socket":
      return;
    case "symlink":
      to.symlink(from.readLink(name), name);
      return;
    case "directory":
      try {
        to.mkdir(name, 0o700);
      } catch (error) {
        if (!isErrno(error, EEXIST)) throw error;
      }
      return;
    default:
      to.mknod(name, stat.kind, stat.mode, stat.major, stat.minor);
  }
}

/** Data stretch by stretch, so that holes stay holes. */
async function copyData(input: number, output: number, size: number): Promise<void> {
  let end = 0;
  for (let data = nextData(input, 0, size); data !== undefined; data = nextData(input, end, size)) {
    end = data.offset + data.length;
    for (let at = data.offset; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, end - at));
      const count = await readInto(input, buffer, at);
      if (count === 0) return;
      await writeAt(output, buffer.subarray(0, count), at);
      at += count;
    }
  }
  if (end < size) await setLength(output, size);
}

/** Owner, then attributes, then mode: each of the first two may clear what comes after it. */
function describe(from: DirHandle, to: DirHandle, name: string, stat: FileStat): void {
  to.chown(name, stat);
  applyXattrs(readXattrs(from, name), (attribute, value) => to.setXattr(name, attribute, value));
  if (stat.kind !== "symlink") to.chmod(name, stat.mode);
  to.utimes(name, stat.atimeNs, stat.mtimeNs);
}

function describeTop(from: DirHandle, to: DirHandle): void {
  const stat = from.stat();
  setOwnOwnerAndMode(to.fd, stat, stat.mode);
  applyXattrs(readXattrs(from, undefined), (attribute, value) => setOwnXattr(to.fd, attribute, value));
  setOwnTimes(to.fd, stat.atimeNs, stat.mtimeNs);
}
