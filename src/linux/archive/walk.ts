import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from "../constants.ts";
import { ELOOP, ENOENT, ENOTDIR, ESTALE, isErrno, LinuxError } from "../errors.ts";
import { DirHandle } from "../files/dir-handle.ts";
import { type FileStat, statDescriptor } from "../files/file-stat.ts";
import { openAt2 } from "../files/openat2.ts";
import { showPath } from "../libc.ts";
import { cString } from "../paths.ts";

/** An entry as the walk meets it. */
export interface WalkEntry {
  /** The open directory that has the entry; valid until the next step. */
  readonly directory: DirHandle;
  readonly name: string;
  /** From the top, without a leading slash: `a/b`. */
  readonly path: string;
  readonly stat: FileStat;
}

export interface WalkStep {
  /** `entry` comes before what is below a directory, `leave` after it, for directories that were gone into. */
  readonly type: "entry" | "leave";
  readonly entry: WalkEntry;
}

export interface WalkOptions {
  /** Which directories to go into; all by default. */
  readonly descend?: (entry: WalkEntry) => boolean;
}

/** How many directories on the way down stay open. */
const OPEN_LEVELS = 32;
/** PATH_MAX. A tree may be nested deeper; nobody could name what is there, and the walk's memory stays bounded. */
export const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;

interface Level {
  readonly path: string;
  readonly entry: WalkEntry | undefined;
  /** Undefined while it is closed because the walk is far below. */
  handle: DirHandle | undefined;
  readonly names: string[];
  at: number;
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * Everything below a directory, names in order, links not followed; entries that vanish meanwhile are left out.
 * Only a few directories are open at a time. Each step is a few short system calls.
 * @throws LinuxError ESTALE where a directory was moved away under the walk.
 */
export function* walkTree(top: DirHandle, options: WalkOptions = {}): Generator<WalkStep, void, undefined> {
  const levels: Level[] = [makeLevel("", undefined, new DirHandle(reopen(top, ".")))];
  try {
    while (levels.length > 0) {
      const level = levels.at(-1)!;
      const name = level.names[level.at++];
      if (name === undefined) {
        levels.pop();
        level.handle?.close();
        level.handle = undefined;
        const above = levels.at(-1);
        if (above !== undefined) above.handle ??= reopenLevel(top, above);
        if (level.entry !== undefined) {
          yield { type: "leave", entry: { ...level.entry, directory: above!.handle! } };
        }
        continue;
      }
      const stat = level.handle!.tryStat(name);
      if (stat === undefined) continue;
      const path = level.path === "" ? name : `${level.path}/${name}`;
      const entry: WalkEntry = { directory: level.handle!, name, path, stat };
      yield { type: "entry", entry };
      if (stat.kind !== "directory" || options.descend?.(entry) === false) continue;
      if (path.length > LONGEST_PATH - LONGEST_NAME - 2) continue;
      const handle = tryOpen(level.handle!, name);
      if (handle === undefined) continue;
      levels.push(makeLevel(path, entry, handle));
      const far = levels[levels.length - 1 - OPEN_LEVELS];
      far?.handle?.close();
      if (far !== undefined) far.handle = undefined;
    }
  } finally {
    for (const level of levels) level.handle?.close();
  }
}

function makeLevel(path: string, entry: WalkEntry | undefined, handle: DirHandle): Level {
  const names = handle.list().map((child) => child.name);
  names.sort();
  const { dev, ino } = statDescriptor(handle.fd);
  return { path, entry, handle, names, at: 0, dev, ino };
}

function reopen(top: DirHandle, path: string): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  return openAt2(top.fd, cString(path), flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, path);
}

function reopenLevel(top: DirHandle, level: Level): DirHandle {
  const handle = new DirHandle(reopen(top, level.path === "" ? "." : level.path));
  const { dev, ino } = statDescriptor(handle.fd);
  if (dev === level.dev && ino === level.ino) return handle;
  handle.close();
  throw new LinuxError("walkTree", ESTALE, `${showPath(level.path)} was moved meanwhile`);
}

function tryOpen(directory: DirHandle, name: string): DirHandle | undefined {
  try {
    return directory.openDirectory(name);
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR, ELOOP)) return undefined;
    throw error;
  }
}
