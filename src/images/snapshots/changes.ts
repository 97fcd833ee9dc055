import { isOpaque, isWhiteout, Turns, type WalkEntry, walkTree } from "../../linux/archive/index.ts";
import type { DirHandle, FileStat, RootDir } from "../../linux/index.ts";
import type { FilesystemChange } from "../../wire/index.ts";

/** `Kind` of a change in Docker's API. */
const MODIFIED = 0;
const ADDED = 1;
const DELETED = 2;

/**
 * What an overlay's upper directory changes of the tree below it, as Docker's `diff` tells it: a directory is listed
 * where it differs itself, or where something in it came or went; a whiteout is a deletion; a directory that replaced
 * another is the deletion of that one; a file that was copied up and is the same as below is no change.
 */
export async function listChanges(
  upper: DirHandle,
  lower: RootDir | undefined,
  isExcluded: (path: string, entry: WalkEntry) => boolean,
): Promise<FilesystemChange[]> {
  const changes: FilesystemChange[] = [];
  const turns = new Turns();
  /** Directories of the walk that are listed, or need not be. */
  const listed = new Set<string>();
  for (const { type, entry } of walkTree(upper)) {
    const turn = turns.over();
    if (turn !== undefined) await turn;
    const path = `/${entry.path}`;
    if (type === "leave") {
      listed.delete(path);
      continue;
    }
    if (isExcluded(path, entry)) continue;
    const kind = kindOf(entry, path, lower);
    if (kind === undefined) continue;
    if (entry.stat.kind === "directory") listed.add(path);
    if (kind !== MODIFIED) {
      const parent = path.slice(0, path.lastIndexOf("/"));
      if (parent !== "" && !listed.has(parent)) {
        changes.push({ Path: parent, Kind: MODIFIED });
        listed.add(parent);
      }
    }
    changes.push({ Path: path, Kind: kind });
  }
  return changes;
}

function kindOf(entry: WalkEntry, path: string, lower: RootDir | undefined): number | undefined {
  const { stat, directory, name } = entry;
  if (isWhiteout(stat)) return DELETED;
  const below = lower === undefined ? undefined : statBelow(lower, path);
  if (stat.kind === "directory" && below !== undefined && isOpaque(directory, name)) return DELETED;
  if (below === undefined) return ADDED;
  return isSame(entry, below, lower!, path) ? undefined : MODIFIED;
}

/** A link on the way is followed by no path that a walk of the upper directory gives: it would be in the way there too. */
function statBelow(lower: RootDir, path: string): FileStat | undefined {
  return lower.tryStat(path, { follow: false });
}

/** Copied up by the overlay, and not changed, or changed back. */
function isSame(
  { stat, directory, name }: WalkEntry,
  below: FileStat,
  lower: RootDir,
  path: string,
): boolean {
  if (stat.kind !== below.kind || stat.mode !== below.mode) return false;
  if (stat.uid !== below.uid || stat.gid !== below.gid || stat.mtimeNs !== below.mtimeNs) return false;
  if (stat.kind === "directory") return true;
  if (stat.size !== below.size || stat.rdev !== below.rdev) return false;
  if (stat.kind === "symlink" && directory.readLink(name) !== lower.readLink(path)) return false;
  const capability = "security.capability";
  const [ours, theirs] = [directory.getXattr(name, capability), lower.getXattr(path, capability)];
  return Buffer.from(ours ?? []).equals(Buffer.from(theirs ?? []));
}
