import { decodeName } from "../../lib/index.ts";
import {
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  SYS_renameat2,
} from "../constants.ts";
import { ENOENT, isErrno } from "../errors.ts";
import { check, libc, rawSyscall } from "../libc.ts";
import { cString, type Path, singleName } from "../paths.ts";
import { chmodEntry } from "./chmod.ts";
import { closeDescriptor, descriptorPath, OwnedDescriptor, readAll, reopenRegular } from "./descriptors.ts";
import {
  type FileKind,
  type FileStat,
  makeDevice,
  modeOfKind,
  statDescriptor,
  statEntry,
} from "./file-stat.ts";
import { openAt2 } from "./openat2.ts";
import { type DirEntry, readEntries } from "./read-directory.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "./xattrs.ts";

const renameat2 = rawSyscall(["i32", "ptr", "i32", "ptr", "u32"]);
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
/** PATH_MAX: no link's target is longer. */
const LONGEST_TARGET = 4096;
const targetBuffer = Buffer.allocUnsafeSlow(LONGEST_TARGET);

/** Who a file shall belong to; −1 leaves one of the two as it is. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

export interface RenameOptions {
  /** Fail with EEXIST where the new name is taken. */
  readonly noReplace?: boolean;
  /** Both names exist and change places at one instant. */
  readonly exchange?: boolean;
}

/**
 * An open directory. Every operation takes the name of one entry, never a path, and works on that entry itself: a link
 * is not followed, and whatever somebody renames or swaps meanwhile, nothing outside this directory is touched. It is
 * the cheap way through a large tree, since no path is resolved twice.
 *
 * Made of an open directory descriptor, which it closes; O_PATH is enough. Names: `Path`; "", ".", "..", slashes and NUL bytes are refused with InvalidParameter. Everything else that fails is
 * a `LinuxError`. All calls are synchronous and short.
 */
export class DirHandle extends OwnedDescriptor {
  // ——— opening ———

  /**
   * Opens one entry; a link fails with ELOOP, a directory on another mount is entered. Added to the flags: no waiting
   * (a pipe would block), no controlling terminal, close-on-exec. @returns a descriptor that the caller closes.
   */
  open(name: Path, flags: number, mode = 0): number {
    const all = flags | O_NOFOLLOW | O_CLOEXEC | ((flags & O_PATH) === 0 ? O_NONBLOCK | O_NOCTTY : 0);
    return check("openat", libc.openat(this.fd, singleName(name), all, mode), name);
  }

  /** Opens a regular file, and nothing else, without creating it. @throws InvalidParameter for any other kind. */
  openRegular(name: Path, flags: number = O_RDONLY): number {
    const handle = this.open(name, O_PATH);
    try {
      return reopenRegular(handle, flags & ~O_CREAT, name);
    } finally {
      closeDescriptor(handle);
    }
  }

  /** Opens a directory below. @throws ENOTDIR or ELOOP where it is a link; EXDEV with `sameMount` where another mount begins. */
  openDirectory(name: Path, options: { sameMount?: boolean } = {}): DirHandle {
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    if (options.sameMount !== true) return new DirHandle(this.open(name, flags));
    const resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    return new DirHandle(openAt2(this.fd, singleName(name), flags, resolve, name));
  }

  /** The whole of a regular file. @throws InvalidParameter where it is larger than `maxBytes` or no regular file. */
  readFile(name: Path, maxBytes: number): Uint8Array {
    const fd = this.openRegular(name);
    try {
      return readAll(fd, maxBytes, name);
    } finally {
      closeDescriptor(fd);
    }
  }

  // ——— looking ———

  /** Facts about the entry, or about this directory itself where no name is given. */
  stat(name?: Path): FileStat {
    return name === undefined ? statDescriptor(this.fd) : statEntry(this.fd, singleName(name), name);
  }

  /** Facts about the entry; undefined where there is none. */
  tryStat(name: Path): FileStat | undefined {
    try {
      return this.stat(name);
    } catch (error) {
      if (isErrno(error, ENOENT)) return undefined;
      throw error;
    }
  }

  exists(name: Path): boolean {
    return this.tryStat(name) !== undefined;
  }

  /** A link's target; lossless, as names are. */
  readLink(name: Path): string {
    const length = libc.readlinkat(this.fd, singleName(name), targetBuffer, LONGEST_TARGET);
    return decodeName(targetBuffer.subarray(0, check("readlinkat", length, name)));
  }

  /** Runs of entries in the file system's own order. Only one iteration of a handle at a time. */
  *entries(): Generator<DirEntry, void, undefined> {
    const fd = check("openat", libc.openat(this.fd, DOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    try {
      for (let run = readEntries(fd); run !== undefined; run = readEntries(fd)) yield* run;
    } finally {
      closeDescriptor(fd);
    }
  }

  /** All entries, without `.` and `..`, in no particular order. */
  list(): DirEntry[] {
    return [...this.entries()];
  }

  // ——— making ———

  /** The mode is what the umask leaves of it; `chmod` afterwards where it has to be exact. */
  mkdir(name: Path, mode = 0o755): void {
    check("mkdirat", libc.mkdirat(this.fd, singleName(name), mode), name);
  }

  /** Makes a pipe, socket, device or empty file. `major` and `minor` are a device's. */
  mknod(name: Path, kind: FileKind, mode: number, major = 0, minor = 0): void {
    const all = modeOfKind(kind) | (mode & 0o7777);
    check("mknodat", libc.mknodat(this.fd, singleName(name), all, makeDevice(major, minor)), name);
  }

  symlink(target: Path, name: Path): void {
    check("symlinkat", libc.symlinkat(cString(target), this.fd, singleName(name)), name);
  }

  /** A further name in `directory` for the entry `name` of this one; of a link, the link itself. */
  link(name: Path, directory: DirHandle, newName: Path): void {
    const result = libc.linkat(this.fd, singleName(name), directory.fd, singleName(newName), 0);
    check("linkat", result, newName);
  }

  rename(name: Path, directory: DirHandle, newName: Path, options: RenameOptions = {}): void {
    const flags = (options.noReplace ? RENAME_NOREPLACE : 0) | (options.exchange ? RENAME_EXCHANGE : 0);
    const [from, to] = [singleName(name), singleName(newName)];
    check("renameat2", renameat2(SYS_renameat2, this.fd, from, directory.fd, to, flags), newName);
  }

  unlink(name: Path): void {
    check("unlinkat", libc.unlinkat(this.fd, singleName(name), 0), name);
  }

  rmdir(name: Path): void {
    check("rmdir", libc.unlinkat(this.fd, singleName(name), AT_REMOVEDIR), name);
  }

  // ——— changing ———

  /** Of a link, the link itself. Clears set-user-id bits, as the kernel does: `chmod` comes after. */
  chown(name: Path, { uid, gid }: Ownership): void {
    const result = libc.fchownat(this.fd, singleName(name), uid >>> 0, gid >>> 0, AT_SYMLINK_NOFOLLOW);
    check("fchownat", result, name);
  }

  /** @throws LinuxError ENOTSUP for a link, which has no mode of its own. */
  chmod(name: Path, mode: number): void {
    chmodEntry(this.fd, singleName(name), mode, name);
  }

  /** Nanoseconds since 1970; of a link, the link itself. */
  utimes(name: Path, atimeNs: bigint, mtimeNs: bigint): void {
    setTimespec(0, atimeNs);
    setTimespec(2, mtimeNs);
    const result = libc.utimensat(this.fd, singleName(name), timespecBytes, AT_SYMLINK_NOFOLLOW);
    check("utimensat", result, name);
  }

  // ——— extended attributes, of links too ———

  getXattr(name: Path, attribute: string): Uint8Array | undefined {
    return getXattr(this.#entryPath(name), attribute, name);
  }

  setXattr(name: Path, attribute: string, value: Uint8Array): void {
    setXattr(this.#entryPath(name), attribute, value, name);
  }

  listXattrs(name: Path): string[] {
    return listXattrs(this.#entryPath(name), name);
  }

  removeXattr(name: Path, attribute: string): void {
    removeXattr(this.#entryPath(name), attribute, name);
  }

  /** The l…xattr calls take a path only: this directory by its magic link, then the one name, which they do not follow. */
  #entryPath(name: Path): Uint8Array {
    const entry = singleName(name);
    return Buffer.concat([Buffer.from(`${descriptorPath(this.fd)}/`), entry]);
  }
}

const DOT = cString(".");

/** Two `struct timespec`: access, modification. */
const timespec = new BigInt64Array(4);
const timespecBytes = new Uint8Array(timespec.buffer);
const BILLION = 1_000_000_000n;

/** Times before 1970 keep a nanosecond part from 0 up, as the kernel wants it. */
function setTimespec(at: number, nanoseconds: bigint): void {
  const part = ((nanoseconds % BILLION) + BILLION) % BILLION;
  timespec[at] = (nanoseconds - part) / BILLION;
  timespec[at + 1] = part;
}
