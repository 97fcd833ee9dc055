import { type BigIntStats, constants, lstatSync, readdirSync, readlinkSync } from "node:fs";
import type { GoKind } from "../../lib/buildkit/index.ts";

/** A file as an earlier transfer left it. */
export interface KnownFile {
  readonly kind: GoKind;
  /** Permissions, 0 to 07777. */
  readonly mode: number;
  readonly size: number;
  readonly modified: bigint;
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
  readonly inode: bigint;
  /** How many names it has. */
  readonly links: number;
}

/** How many files are looked at before others have their turn: a few milliseconds. */
const FILES_AT_ONCE = 500;

/** All below a directory that only we write to, by relative path. */
export async function knownFiles(root: string): Promise<Map<string, KnownFile>> {
  const known = new Map<string, KnownFile>();
  const folders = [""];
  for (let at = 0; at < folders.length; at++) {
    const folder = folders[at]!;
    for (const name of readdirSync(`${root}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const file = knownFile(`${root}/${path}`);
      known.set(path, file);
      if (file.kind === "directory") folders.push(path);
      if (known.size % FILES_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  return known;
}

function knownFile(path: string): KnownFile {
  const stat = lstatSync(path, { bigint: true });
  const kind = kindOf(stat);
  const isDevice = kind === "char" || kind === "block";
  return {
    kind,
    mode: Number(stat.mode & 0o7777n),
    size: Number(stat.size),
    modified: stat.mtimeNs,
    linkName: kind === "symlink" ? readlinkSync(path) : "",
    major: isDevice ? Number(((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & ~0xfffn)) : 0,
    minor: isDevice ? Number((stat.rdev & 0xffn) | ((stat.rdev >> 12n) & ~0xffn & 0xffffffffn)) : 0,
    inode: stat.ino,
    links: Number(stat.nlink),
  };
}

const KINDS = new Map<number, GoKind>([
  [constants.S_IFREG, "file"],
  [constants.S_IFDIR, "directory"],
  [constants.S_IFLNK, "symlink"],
  [constants.S_IFIFO, "fifo"],
  [constants.S_IFSOCK, "socket"],
  [constants.S_IFCHR, "char"],
  [constants.S_IFBLK, "block"],
]);

function kindOf(stat: BigIntStats): GoKind {
  return KINDS.get(Number(stat.mode) & constants.S_IFMT) ?? "file";
}
