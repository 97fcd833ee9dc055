import { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../constants.ts";
import { EISDIR, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY, ESTALE, isErrno, LinuxError } from "../errors.ts";
import { check, libc, showPath } from "../libc.ts";
import { cString, type Path } from "../paths.ts";
import { closeDescriptor } from "./descriptors.ts";
import { DirHandle } from "./dir-handle.ts";
import { statDescriptor } from "./file-stat.ts";
import { type DirEntry, readEntries } from "./read-directory.ts";

export interface RemoveTreeOptions {
  /** Whether to empty what is mounted inside too. Off, a mount point inside ends the removal with EXDEV. */
  readonly crossMounts?: boolean;
  /** Ends it early, without an error: what is not removed by then stays. */
  readonly signal?: AbortSignal;
}

/** How many directories stay open, on the way down and until they are closed; a tree may be nested deeper than a process may have files. */
const OPEN_LEVELS = 32;
/** How often a directory is read anew because something was put into it while it was emptied. */
const ROUNDS = 8;
/** Longest time that one turn keeps other work waiting. */
const TURN_MS = 2;

/** One directory on the way down. */
interface Level {
  readonly name: Path;
  /** Undefined while it is closed, because the walk is far below it. */
  handle: DirHandle | undefined;
  readonly dev: bigint;
  readonly ino: bigint;
  /** Directories that are still to be emptied. */
  pending: DirEntry[];
  rounds: number;
}

/**
 * Removes an entry of a directory with everything below it; nothing happens where there is none. Links are removed,
 * not followed, and a directory that is moved away meanwhile is not followed either. Gives way to other work
 * every few milliseconds.
 * @throws LinuxError EXDEV at a mount point (see the options), ENOTEMPTY where somebody keeps filling the tree.
 */
export async function removeTree(
  parent: DirHandle,
  name: Path,
  options: RemoveTreeOptions = {},
): Promise<void> {
  let turnEnds = performance.now() + TURN_MS;
  const closing: Promise<void>[] = [];
  const close: Close = (handle) => void closing.push(handle.closeInBackground());
  try {
    for (const _ of removal(parent, name, options, close)) {
      if (performance.now() < turnEnds && closing.length < OPEN_LEVELS) continue;
      await Promise.all(closing.splice(0));
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (options.signal?.aborted) return;
      turnEnds = performance.now() + TURN_MS;
    }
  } finally {
    await Promise.all(closing);
  }
}

/** What is done with the handle of a directory that is gone. */
type Close = (handle: DirHandle) => void;

/** The same without giving way, for small trees. */
export function removeTreeAtOnce(parent: DirHandle, name: Path, options: RemoveTreeOptions = {}): void {
  for (const _ of removal(parent, name, options, (handle) => handle.close()));
}

/** The removal step by step; each step is one short system call or a few. */
function* removal(
  parent: DirHandle,
  name: Path,
  options: RemoveTreeOptions,
  close: Close,
): Generator<void, void, undefined> {
  const kind = parent.tryStat(name)?.kind;
  if (kind === undefined) return;
  if (kind !== "directory") return removeFile(parent, name);
  const levels: Level[] = [];
  try {
    levels.push(enter(parent, name, options));
    while (levels.length > 0) {
      const level = levels.at(-1)!;
      const child = level.pending.pop() ?? (yield* readLevel(level));
      if (child === undefined) leave(levels, parent, close);
      else descend(levels, level, child, options);
      yield;
    }
  } finally {
    for (const level of levels) level.handle?.close();
  }
}

function enter(directory: DirHandle, name: Path, options: RemoveTreeOptions): Level {
  const handle = directory.openDirectory(name, { sameMount: options.crossMounts !== true });
  const { dev, ino } = statDescriptor(handle.fd);
  return { name, handle, dev, ino, pending: [], rounds: 0 };
}

/** Goes one level down, unless the directory vanished or became something else. */
function descend(levels: Level[], level: Level, child: DirEntry, options: RemoveTreeOptions): void {
  try {
    levels.push(enter(level.handle!, child.name, options));
  } catch (error) {
    if (!isErrno(error, ENOENT, ELOOP, ENOTDIR)) throw error;
    return;
  }
  const far = levels[levels.length - 1 - OPEN_LEVELS];
  far?.handle?.close();
  if (far !== undefined) far.handle = undefined;
}

/** Removes what is no directory among the next entries. @returns one of the directories; undefined at the end. */
function* readLevel(level: Level): Generator<void, DirEntry | undefined, undefined> {
  const handle = level.handle!;
  for (;;) {
    const run = readEntries(handle.fd);
    if (run === undefined) return undefined;
    for (const entry of run) {
      if (entry.kind === "directory") level.pending.push(entry);
      else removeFile(handle, entry.name);
      yield;
    }
    const next = level.pending.pop();
    if (next !== undefined) return next;
  }
}

/** Removes the emptied directory and is back in the one above. */
function leave(levels: Level[], top: DirHandle, close: Close): void {
  const level = levels.at(-1)!;
  const above = levels.at(-2);
  if (above !== undefined && above.handle === undefined) above.handle = reopenAbove(level, above);
  const directory = above?.handle ?? top;
  try {
    directory.rmdir(level.name);
  } catch (error) {
    if (isErrno(error, ENOTEMPTY) && level.rounds++ < ROUNDS) {
      rewind(level);
      return;
    }
    if (!isErrno(error, ENOENT)) throw error;
  }
  levels.pop();
  if (level.handle !== undefined) close(level.handle);
}

/** Back to the first entry: another process put something in, or the file system skipped entries beside the deletions. */
function rewind(level: Level): void {
  const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const fd = check("openat", libc.openat(level.handle!.fd, cString("."), flags, 0), level.name);
  level.handle!.close();
  level.handle = new DirHandle(fd);
}

/** The directory above by `..`, if that still is the one that the walk came from. */
function reopenAbove(level: Level, above: Level): DirHandle {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const fd = check("openat", libc.openat(level.handle!.fd, cString(".."), flags, 0), above.name);
  const { dev, ino } = statDescriptor(fd);
  if (dev === above.dev && ino === above.ino) return new DirHandle(fd);
  closeDescriptor(fd);
  throw new LinuxError("removeTree", ESTALE, `${showPath(above.name)} was moved meanwhile`);
}

/** Removes what was no directory a moment ago; if it has become one, the next round finds it. */
function removeFile(directory: DirHandle, name: Path): void {
  try {
    directory.unlink(name);
  } catch (error) {
    if (!isErrno(error, ENOENT, EISDIR)) throw error;
  }
}
