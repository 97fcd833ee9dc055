import { decodeName } from "../../lib/index.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
} from "../constants.ts";
import { EEXIST, EINVAL, ENOENT, ENOTDIR, isErrno, LinuxError } from "../errors.ts";
import { check, libc, showPath } from "../libc.ts";
import { cString, type Path, splitPath } from "../paths.ts";
import { closeDescriptor, OwnedDescriptor, readAll, reopenRegular } from "./descriptors.ts";
import { DirHandle, type Ownership, type RenameOptions } from "./dir-handle.ts";
import { type FileKind, type FileStat, statDescriptor } from "./file-stat.ts";
import { openAt2 } from "./openat2.ts";
import type { DirEntry } from "./read-directory.ts";
import { type RemoveTreeOptions, removeTree } from "./remove-tree.ts";

/** Whether the last component is followed where it is a link. */
export interface FollowOption {
  readonly follow?: boolean;
}

/** Opens a directory as the root of a tree whose links cannot lead out of it. The path itself is the host's and trusted. */
export function openRoot(path: Path): RootDir {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  return new RootDir(check("open", libc.openat(AT_FDCWD, cString(path), flags, 0), path));
}

/**
 * A directory tree that somebody else controls, usually a container's. Paths are looked up as if this directory were
 * `/`: an absolute link starts here, `..` stops here, and the kernel itself sees to it (RESOLVE_IN_ROOT), whatever is
 * renamed or swapped while it looks. An operation first opens the *parent* that way and then acts on the last
 * component within the open parent, so that it never follows a last component that has become a link.
 *
 * Made of an open directory descriptor, which it closes; O_PATH is enough. Paths are as in `Path`; `""` and `/` are the root. Failures are `LinuxError`s, except InvalidParameter for hostile
 * names. For many files in one place use `directory(path)`, which resolves once.
 */
export class RootDir extends OwnedDescriptor {
  // ——— opening ———

  /**
   * Opens a path, following links within the root; O_NOFOLLOW for not following the last. Never waits on a pipe
   * and is close-on-exec. Of unknown files prefer `openRegular`: opening a device may have effects.
   * @returns a descriptor that the caller closes.
   */
  open(path: Path, flags: number, mode = 0): number {
    const text = textOf(path);
    const safe = (flags & O_PATH) === 0 ? flags | O_NONBLOCK | O_NOCTTY : flags;
    return openAt2(this.fd, cString(text === "" ? "/" : text), safe, RESOLVE_IN_ROOT, text, mode);
  }

  /** Opens a regular file, following links within the root. @throws InvalidParameter where it is of another kind. */
  openRegular(path: Path, flags: number = O_RDONLY): number {
    return this.#holding(path, true, (handle) => reopenRegular(handle, flags & ~O_CREAT, path));
  }

  /** A directory to work in by single names, following links within the root on the way there. */
  directory(path: Path): DirHandle {
    return new DirHandle(this.open(path, O_RDONLY | O_DIRECTORY));
  }

  /** The root of a smaller tree: a link inside it cannot leave it even towards this root. */
  subRoot(path: Path): RootDir {
    return new RootDir(this.open(path, O_PATH | O_DIRECTORY));
  }

  /**
   * The whole of a regular file, links followed. One that calls itself empty is empty: files of /proc do, to which a link in
   * a running container's tree may lead, and to read them as root may block (`kmsg`) or tell what the container must not know.
   * @throws InvalidParameter where it is no regular file or larger than `maxBytes`.
   */
  readFile(path: Path, maxBytes: number): Uint8Array {
    const fd = this.openRegular(path);
    try {
      return statDescriptor(fd).size === 0 ? new Uint8Array() : readAll(fd, maxBytes, path);
    } finally {
      closeDescriptor(fd);
    }
  }

  // ——— looking ———

  /** Facts about a path; `follow` (default true) as in `stat(2)` and `lstat(2)`. */
  stat(path: Path, { follow = true }: FollowOption = {}): FileStat {
    return this.#holding(path, follow, statDescriptor);
  }

  /** Facts about a path; undefined where nothing is there (a dangling link included, when following). */
  tryStat(path: Path, options?: FollowOption): FileStat | undefined {
    try {
      return this.stat(path, options);
    } catch (error) {
      if (isErrno(error, ENOENT, ENOTDIR)) return undefined;
      throw error;
    }
  }

  exists(path: Path, options?: FollowOption): boolean {
    return this.tryStat(path, options) !== undefined;
  }

  readLink(path: Path): string {
    return this.#in(path, (parent, name) => parent.readLink(name));
  }

  /** All entries of a directory. For huge ones iterate `directory(path).entries()`. */
  list(path: Path): DirEntry[] {
    using directory = this.directory(path);
    return directory.list();
  }

  // ——— making ———

  mkdir(path: Path, mode = 0o755): void {
    this.#in(path, (parent, name) => parent.mkdir(name, mode));
  }

  /**
   * Makes whatever is missing of a path of directories, through links within the root that already exist. A directory
   * that exists keeps its mode. @param owner of the directories that are made. @throws ENOTDIR where a file stands in the way.
   */
  mkdirAll(path: Path, mode = 0o755, owner?: Ownership): void {
    const text = textOf(path);
    if (this.tryStat(text)?.kind === "directory") return;
    for (let end = nextComponent(text, 0); end !== undefined; end = nextComponent(text, end)) {
      this.#ensureDirectory(text.slice(0, end), mode, owner);
    }
  }

  mknod(path: Path, kind: FileKind, mode: number, major = 0, minor = 0): void {
    this.#in(path, (parent, name) => parent.mknod(name, kind, mode, major, minor));
  }

  /** `target` is stored as it is. */
  symlink(target: Path, path: Path): void {
    this.#in(path, (parent, name) => parent.symlink(target, name));
  }

  /** A further name for a file; of a link, for the link itself. */
  link(existing: Path, path: Path): void {
    this.#in(existing, (from, name) => this.#in(path, (to, newName) => from.link(name, to, newName)));
  }

  rename(path: Path, newPath: Path, options?: RenameOptions): void {
    this.#in(path, (from, name) =>
      this.#in(newPath, (to, newName) => from.rename(name, to, newName, options)),
    );
  }

  // ——— removing ———

  unlink(path: Path): void {
    this.#in(path, (parent, name) => parent.unlink(name));
  }

  rmdir(path: Path): void {
    this.#in(path, (parent, name) => parent.rmdir(name));
  }

  /** Removes an entry and all below it, as `removeTree` of its directory; nothing happens where there is none. */
  async removeTree(path: Path, options?: RemoveTreeOptions): Promise<void> {
    const { parent, name } = this.#split(path);
    if (!this.exists(parent)) return;
    using directory = this.directory(parent);
    await removeTree(directory, name, options);
  }

  // ——— changing; of a link, the link itself ———

  chown(path: Path, owner: Ownership): void {
    this.#in(path, (parent, name) => parent.chown(name, owner));
  }

  /** @throws LinuxError ENOTSUP for a link. */
  chmod(path: Path, mode: number): void {
    this.#in(path, (parent, name) => parent.chmod(name, mode));
  }

  /** Nanoseconds since 1970. */
  utimes(path: Path, atimeNs: bigint, mtimeNs: bigint): void {
    this.#in(path, (parent, name) => parent.utimes(name, atimeNs, mtimeNs));
  }

  getXattr(path: Path, attribute: string): Uint8Array | undefined {
    return this.#in(path, (parent, name) => parent.getXattr(name, attribute));
  }

  setXattr(path: Path, attribute: string, value: Uint8Array): void {
    this.#in(path, (parent, name) => parent.setXattr(name, attribute, value));
  }

  listXattrs(path: Path): string[] {
    return this.#in(path, (parent, name) => parent.listXattrs(name));
  }

  removeXattr(path: Path, attribute: string): void {
    this.#in(path, (parent, name) => parent.removeXattr(name, attribute));
  }

  // ——— inside ———

  /** Works on the last component of a path inside its parent, which was opened within this root. */
  #in<T>(path: Path, work: (parent: DirHandle, name: string) => T): T {
    const { parent, name } = this.#split(path);
    using directory = new DirHandle(this.open(parent, O_PATH | O_DIRECTORY));
    return work(directory, name);
  }

  /** @throws LinuxError EINVAL for the root itself and for paths that end in `.` or `..`: they have no entry of their own. */
  #split(path: Path): { parent: string; name: string } {
    const { parent, name } = splitPath(textOf(path));
    if (name === undefined) throw new LinuxError("openat2", EINVAL, showPath(path));
    return { parent, name };
  }

  /** Works on a file that is held, but not opened for anything. */
  #holding<T>(path: Path, follow: boolean, work: (handle: number) => T): T {
    const handle = this.open(path, follow ? O_PATH : O_PATH | O_NOFOLLOW);
    try {
      return work(handle);
    } finally {
      closeDescriptor(handle);
    }
  }

  #ensureDirectory(path: string, mode: number, owner: Ownership | undefined): void {
    const there = this.tryStat(path)?.kind;
    if (there === "directory") return;
    if (there !== undefined) throw new LinuxError("mkdirat", ENOTDIR, showPath(path));
    this.#in(path, (parent, name) => {
      try {
        parent.mkdir(name, mode);
        if (owner !== undefined) parent.chown(name, owner);
      } catch (error) {
        if (!isErrno(error, EEXIST) || parent.stat(name).kind !== "directory") throw error;
      }
    });
  }
}

/** The lossless text of a path, in which it is cut into components. */
function textOf(path: Path): string {
  return typeof path === "string" ? path : decodeName(path);
}

/** Where the path's next component ends after `from`; undefined where none is left. `.` and `..` count as part of the next. */
function nextComponent(path: string, from: number): number | undefined {
  let at = from;
  for (;;) {
    while (path[at] === "/") at++;
    if (at >= path.length) return undefined;
    let end = path.indexOf("/", at);
    if (end === -1) end = path.length;
    const component = path.slice(at, end);
    if (component !== "." && component !== "..") return end;
    at = end;
  }
}
