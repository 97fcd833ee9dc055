import { readSync } from "node:fs";
import { open } from "node:fs/promises";
import {
  closeDescriptor,
  type DirHandle,
  descriptorPath,
  type FileStat,
  isOpaque,
  LONGEST_PATH,
  type RootDir,
  Turns,
} from "../../linux/index.ts";
import type { ImageFileChange } from "../../wire/index.ts";

/** Two trees that are compared, and the layers that make the difference. */
export interface TreesToCompare {
  readonly before: RootDir;
  readonly after: RootDir;
  /**
   * Each layer that only one of the two has, by itself. What none of them has a word about is the same on both sides, and
   * is not looked at. Undefined: everything is looked at.
   */
  readonly layers: readonly RootDir[] | undefined;
}

/** Which layers may have something below a directory; undefined: anything may be different. */
type Touching = readonly RootDir[] | undefined;

interface Sides {
  readonly before: boolean;
  readonly after: boolean;
  readonly touching: Touching;
}

interface Item {
  readonly name: string;
  readonly change: ImageFileChange | undefined;
  readonly below: Sides | undefined;
}

/** Directories on the way down are not kept open, so that depth costs memory only. */
interface Frame {
  readonly path: string;
  readonly items: readonly Item[];
  at: number;
}

const LONGEST_NAME = 255;

/**
 * What is different from one tree to another, in the order of paths. Files of the same size are read, for images that are
 * built to be reproducible have equal times everywhere; a directory's time of modification says nothing and is not
 * compared.
 */
export async function* compareTrees(trees: TreesToCompare): AsyncGenerator<ImageFileChange, void, undefined> {
  const turns = new Turns();
  const top: Sides = { before: true, after: true, touching: trees.layers };
  const stack: Frame[] = [{ path: "", items: await compareDirectory(trees, "", top, turns), at: 0 }];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const item = frame.items[frame.at++];
    if (item === undefined) {
      stack.pop();
      continue;
    }
    if (item.change !== undefined) yield item.change;
    if (item.below === undefined) continue;
    const path = `${frame.path}/${item.name}`;
    if (path.length > LONGEST_PATH - LONGEST_NAME - 2) continue;
    stack.push({ path, items: await compareDirectory(trees, path, item.below, turns), at: 0 });
  }
}

async function compareDirectory(
  trees: TreesToCompare,
  path: string,
  sides: Sides,
  turns: Turns,
): Promise<Item[]> {
  using undo = new DisposableStack();
  const at = path === "" ? "/" : path;
  const before = sides.before ? undo.use(trees.before.directory(at)) : undefined;
  const after = sides.after ? undo.use(trees.after.directory(at)) : undefined;
  const touching = sides.touching?.map((root) => ({ root, directory: undo.use(root.directory(at)) }));
  const sources = touching?.map(({ directory }) => directory) ?? [before, after];
  const names = new Set(sources.flatMap((directory) => directory?.list().map(({ name }) => name) ?? []));
  const items: Item[] = [];
  for (const name of [...names].sort()) {
    const turn = turns.over();
    if (turn !== undefined) await turn;
    const [old, now] = [before?.tryStat(name), after?.tryStat(name)];
    if (old === undefined && now === undefined) continue;
    const what = old && now && (await differences(before!, after!, name, old, now));
    const change = what?.length === 0 ? undefined : describe(`${path}/${name}`, old, now, what);
    const below = sidesBelow(old, now, touching, name);
    if (change !== undefined || below !== undefined) items.push({ name, change, below });
  }
  return items;
}

function describe(
  Path: string,
  old: FileStat | undefined,
  now: FileStat | undefined,
  What: string[] | undefined,
): ImageFileChange {
  return {
    Path,
    Change: old === undefined ? "added" : now === undefined ? "removed" : "changed",
    Type: (now ?? old)!.kind,
    Size: bytesOf(now),
    SizeBefore: bytesOf(old),
    ...(What === undefined ? {} : { What }),
  };
}

const bytesOf = (stat: FileStat | undefined) => (stat?.kind === "file" ? stat.size : 0);

/** Whether, and where, to go on below an entry. */
function sidesBelow(
  old: FileStat | undefined,
  now: FileStat | undefined,
  touching: readonly { root: RootDir; directory: DirHandle }[] | undefined,
  name: string,
): Sides | undefined {
  const [before, after] = [old?.kind === "directory", now?.kind === "directory"];
  if (!before && !after) return undefined;
  if (touching === undefined || !before || !after) return { before, after, touching: undefined };
  const roots: RootDir[] = [];
  for (const { root, directory } of touching) {
    const stat = directory.tryStat(name);
    if (stat === undefined) continue;
    // The layer replaces all that is below: a whiteout that another layer makes a directory of again is one such case.
    if (stat.kind !== "directory" || isOpaque(directory, name)) return { before, after, touching: undefined };
    roots.push(root);
  }
  return roots.length === 0 ? undefined : { before, after, touching: roots };
}

const BILLION = 1_000_000_000n;
const CAPABILITY = "security.capability";

async function differences(
  before: DirHandle,
  after: DirHandle,
  name: string,
  old: FileStat,
  now: FileStat,
): Promise<string[]> {
  if (old.kind !== now.kind) return ["type"];
  const what: string[] = [];
  if (old.kind === "file" && !(await isSameContent(before, after, name, old, now))) what.push("content");
  if (old.kind === "symlink" && before.readLink(name) !== after.readLink(name)) what.push("target");
  if (old.rdev !== now.rdev) what.push("device");
  if (old.mode !== now.mode) what.push("mode");
  if (old.uid !== now.uid || old.gid !== now.gid) what.push("owner");
  if (old.kind !== "directory" && old.mtimeNs !== now.mtimeNs) what.push("time");
  if (old.kind === "file" && (old.mode & now.mode & 0o111) !== 0) {
    const [ours, theirs] = [before.getXattr(name, CAPABILITY), after.getXattr(name, CAPABILITY)];
    if (!Buffer.from(ours ?? []).equals(Buffer.from(theirs ?? []))) what.push("capabilities");
  }
  return what;
}

/** Up to this size files are read where they are met: the file is in the kernel's cache, or one read away. */
const SMALL_BYTES = 128 * 1024;
const CHUNK_BYTES = 1 << 20;
const [oldBytes, newBytes] = [Buffer.allocUnsafeSlow(SMALL_BYTES), Buffer.allocUnsafeSlow(SMALL_BYTES)];

async function isSameContent(
  before: DirHandle,
  after: DirHandle,
  name: string,
  old: FileStat,
  now: FileStat,
): Promise<boolean> {
  if (old.size !== now.size) return false;
  if (old.size === 0) return true;
  // Nobody sets nanoseconds by hand: the file is the same one.
  if (old.mtimeNs === now.mtimeNs && old.mtimeNs % BILLION !== 0n) return true;
  const one = before.open(name, 0);
  try {
    const other = after.open(name, 0);
    try {
      return old.size <= SMALL_BYTES ? sameSmall(one, other, old.size) : await sameLarge(one, other);
    } finally {
      closeDescriptor(other);
    }
  } finally {
    closeDescriptor(one);
  }
}

function sameSmall(one: number, other: number, size: number): boolean {
  const [ours, theirs] = [readSync(one, oldBytes, 0, size, 0), readSync(other, newBytes, 0, size, 0)];
  return ours === theirs && oldBytes.subarray(0, ours).equals(newBytes.subarray(0, theirs));
}

/** In the thread pool. */
async function sameLarge(one: number, other: number): Promise<boolean> {
  await using ours = await open(descriptorPath(one), "r");
  await using theirs = await open(descriptorPath(other), "r");
  const [left, right] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
  for (let at = 0; ; ) {
    const [read, alsoRead] = await Promise.all([
      ours.read(left, 0, CHUNK_BYTES, at),
      theirs.read(right, 0, CHUNK_BYTES, at),
    ]);
    if (!left.subarray(0, read.bytesRead).equals(right.subarray(0, alsoRead.bytesRead))) return false;
    if (read.bytesRead === 0) return true;
    at += read.bytesRead;
  }
}
