import {
  type DirHandle,
  type FileStat,
  isOpaque,
  isWhiteout,
  type RootDir,
  Turns,
  type WalkEntry,
  walkTree,
} from "../../linux/index.ts";
import type { FilesystemChange } from "../../wire/index.ts";

/** `Kind` of a change in Docker's API. */
const MODIFIED = 0;
const ADDED = 1;
const DELETED = 2;

type IsExcluded = (path: string, entry: WalkEntry) => boolean;

/**
 * What an overlay's upper directory changes of the tree below it, as Docker's `diff` tells it, which compares the two
 * trees: what is only in one of them was added or deleted (with all below it, of which only what was added is listed);
 * what is in both was modified where kind, mode, owner or capabilities differ, or, except of directories, size or time
 * of modification; and a directory also where something in it is listed.
 */
export async function listChanges(
  upper: DirHandle,
  lower: RootDir,
  isExcluded: IsExcluded,
): Promise<FilesystemChange[]> {
  const changes = new Changes();
  const turns = new Turns();
  for (const { type, entry } of walkTree(upper)) {
    const turn = turns.over();
    if (turn !== undefined) await turn;
    const path = `/${entry.path}`;
    if (type === "leave") changes.leave(path);
    else if (!isExcluded(path, entry)) visit(entry, path, lower, changes);
  }
  return changes.list;
}

function visit(entry: WalkEntry, path: string, lower: RootDir, changes: Changes): void {
  // A link on the way is met by no path that a walk of the upper directory gives.
  const below = lower.tryStat(path, { follow: false });
  if (isWhiteout(entry.stat)) {
    if (below !== undefined) changes.add(path, DELETED);
    return;
  }
  const isDirectory = entry.stat.kind === "directory";
  if (isDirectory) changes.enter(path);
  if (below === undefined) changes.add(path, ADDED);
  else if (differs(entry, below, lower, path)) changes.add(path, MODIFIED);
  if (isDirectory && below?.kind === "directory" && isOpaque(entry.directory, entry.name)) {
    using directory = entry.directory.openDirectory(entry.name);
    for (const { name } of lower.list(path)) {
      if (!directory.exists(name)) changes.add(`${path === "/" ? "" : path}/${name}`, DELETED);
    }
  }
}

function differs(
  { stat, directory, name }: WalkEntry,
  below: FileStat,
  lower: RootDir,
  path: string,
): boolean {
  if (stat.kind !== below.kind || stat.mode !== below.mode) return true;
  if (stat.uid !== below.uid || stat.gid !== below.gid || stat.rdev !== below.rdev) return true;
  if (stat.kind !== "directory" && (stat.mtimeNs !== below.mtimeNs || stat.size !== below.size)) return true;
  const capability = "security.capability";
  const [ours, theirs] = [directory.getXattr(name, capability), lower.getXattr(path, capability)];
  return !Buffer.from(ours ?? []).equals(Buffer.from(theirs ?? []));
}

/**
 * Directories of an overlay's upper directory that hold nothing but what the engine made, and are themselves as they are
 * below: only the engine's own files brought them there.
 */
export async function directoriesOfEngine(
  upper: DirHandle,
  lower: RootDir | undefined,
  isExcluded: IsExcluded,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const open: { readonly path: string; engines: boolean; users: boolean }[] = [];
  const turns = new Turns();
  for (const { type, entry } of walkTree(upper)) {
    const turn = turns.over();
    if (turn !== undefined) await turn;
    const path = `/${entry.path}`;
    const inside = open.at(-1);
    if (type === "leave") {
      if (inside?.path !== path) continue;
      open.pop();
      const isEngines = inside.engines && !inside.users && !isChanged(entry, path, lower);
      if (isEngines) found.add(path);
      const above = open.at(-1);
      if (above !== undefined) above[isEngines ? "engines" : "users"] = true;
    } else if (isExcluded(path, entry)) {
      if (inside !== undefined) inside.engines = true;
    } else if (entry.stat.kind === "directory") {
      open.push({ path, engines: false, users: false });
    } else if (inside !== undefined) {
      inside.users = true;
    }
  }
  return found;
}

function isChanged(entry: WalkEntry, path: string, lower: RootDir | undefined): boolean {
  const below = lower?.tryStat(path, { follow: false });
  if (below === undefined || lower === undefined) return false;
  return isOpaque(entry.directory, entry.name) || differs(entry, below, lower, path);
}

/** The list, with the directories in which something is listed before it. */
class Changes {
  readonly list: FilesystemChange[] = [];
  /** Directories that the walk is in. */
  readonly #open: { readonly path: string; listed: boolean }[] = [];

  enter(path: string): void {
    this.#open.push({ path, listed: false });
  }

  leave(path: string): void {
    // Directories that were left out were not entered here.
    if (this.#open.at(-1)?.path === path) this.#open.pop();
  }

  add(path: string, kind: number): void {
    for (const directory of this.#open) {
      if (directory.listed) continue;
      directory.listed = true;
      if (directory.path !== path) this.list.push({ Path: directory.path, Kind: MODIFIED });
    }
    this.list.push({ Path: path, Kind: kind });
  }
}
