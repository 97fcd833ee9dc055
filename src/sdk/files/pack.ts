import type { BigIntStats } from "node:fs";
import { constants, lstat, open, readdir, readlink } from "node:fs/promises";
import { posix } from "node:path";
import { encodeHeader, padding, TAR_END, type TarHeaderInput } from "../../lib/index.ts";

const PIECE_BYTES = 256 * 1024;

export interface PackOptions {
  /** Gives each entry its name. */
  readonly rename?: (name: string) => string;
  /** Whether an entry is left out; a folder that is, is looked into only with `descend`. */
  readonly leaveOut?: (name: string) => boolean;
  readonly descend?: boolean;
  /** Every entry belongs to root. */
  readonly asRoot?: boolean;
}

/**
 * A file or folder of this host, given by the folder it is in and its name there, as a tar whose entries begin with the
 * name; `.` is what is in the folder. A file that changes meanwhile keeps the size it had.
 */
export async function* packTree(
  directory: string,
  name: string,
  options: PackOptions = {},
): AsyncGenerator<Uint8Array, void> {
  yield* packEntry(directory, name, options, new Map());
  yield TAR_END;
}

async function* packEntry(
  directory: string,
  name: string,
  options: PackOptions,
  links: Map<string, string>,
): AsyncGenerator<Uint8Array, void> {
  const path = posix.join(directory, name);
  const stat = await lstat(path, { bigint: true });
  const isLeftOut = name !== "." && options.leaveOut?.(name) === true;
  if (isLeftOut && !(stat.isDirectory() && options.descend)) return;
  const header = isLeftOut ? undefined : await headerOf(path, options.rename?.(name) ?? name, stat, links);
  if (header !== undefined) yield encodeHeader(options.asRoot ? { ...header, uid: 0, gid: 0 } : header);
  if (header?.kind === "file" && stat.size > 0n) yield* fileData(path, Number(stat.size));
  if (!stat.isDirectory()) return;
  for (const child of (await readdir(path)).sort()) {
    yield* packEntry(directory, name === "." ? child : `${name}/${child}`, options, links);
  }
}

/** Undefined: nothing that an archive can hold (a socket). */
async function headerOf(
  path: string,
  name: string,
  stat: BigIntStats,
  links: Map<string, string>,
): Promise<TarHeaderInput | undefined> {
  const common = {
    name,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeNs: stat.mtimeNs,
  };
  if (stat.isDirectory()) return { ...common, name: `${name}/`, kind: "directory" };
  if (stat.isSymbolicLink()) return { ...common, kind: "symlink", linkName: await readlink(path) };
  if (stat.isFIFO()) return { ...common, kind: "fifo" };
  if (stat.isCharacterDevice()) return { ...common, kind: "char", ...deviceNumbers(stat.rdev) };
  if (stat.isBlockDevice()) return { ...common, kind: "block", ...deviceNumbers(stat.rdev) };
  if (!stat.isFile()) return undefined;
  const identity = `${stat.dev}:${stat.ino}`;
  const first = stat.nlink > 1n ? links.get(identity) : undefined;
  if (first !== undefined) return { ...common, kind: "hardlink", linkName: first };
  if (stat.nlink > 1n) links.set(identity, name);
  return { ...common, kind: "file", size: Number(stat.size) };
}

/** Linux's encoding of a `dev_t` (makedev(3)). */
function deviceNumbers(rdev: bigint): { major: number; minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}

/** Exactly `size` bytes and the padding: the header has promised them. */
async function* fileData(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (let left = size; left > 0; ) {
      const length = Math.min(PIECE_BYTES, left);
      // Node 18 takes an absent length for none.
      const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was copied`);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
  yield padding(size);
}
