import { encodeName } from "../../lib/index.ts";
import { BLOCK_BYTES, DIRENT_BYTES } from "./format.ts";

/** What an entry says: the inode's address and the kind of file. */
export interface Dirent {
  readonly nid: number;
  readonly type: number;
}

/**
 * A directory's names in the order of their bytes, `.` and `..` among them, and how many of them fit into each block:
 * fixed parts first, then the names.
 */
export interface DirectoryLayout {
  readonly names: readonly string[];
  readonly counts: readonly number[];
  /** The directory's length: all blocks are whole but the last. */
  readonly sizeBytes: number;
}

export function layOutDirectory(children: Iterable<string>): DirectoryLayout {
  const names = sortNames([".", "..", ...children]);
  const counts: number[] = [];
  let used = BLOCK_BYTES;
  for (const name of names) {
    const bytes = DIRENT_BYTES + nameBytes(name);
    if (used + bytes > BLOCK_BYTES) {
      counts.push(0);
      used = 0;
    }
    counts[counts.length - 1]!++;
    used += bytes;
  }
  return { names, counts, sizeBytes: (counts.length - 1) * BLOCK_BYTES + used };
}

/** UTF-16 sorts as UTF-8 does, except around surrogates: rare characters, and bytes that are no UTF-8. */
function sortNames(names: string[]): string[] {
  if (!names.some((name) => /[\ud800-\uffff]/.test(name))) return names.sort();
  return names.sort((a, b) => Buffer.compare(encodeName(a), encodeName(b)));
}

function nameBytes(name: string): number {
  return name.isWellFormed() ? Buffer.byteLength(name) : encodeName(name).length;
}

export function writeDirectory(
  image: Buffer,
  start: number,
  layout: DirectoryLayout,
  direntOf: (name: string) => Dirent,
): void {
  let next = 0;
  let at = start;
  for (const count of layout.counts) {
    let nameAt = count * DIRENT_BYTES;
    for (let i = 0; i < count; i++) {
      const name = layout.names[next++]!;
      const { nid, type } = direntOf(name);
      const direntAt = at + i * DIRENT_BYTES;
      image.writeUInt32LE(nid % 2 ** 32, direntAt);
      image.writeUInt32LE(Math.floor(nid / 2 ** 32), direntAt + 4);
      image.writeUInt16LE(nameAt, direntAt + 8);
      image.writeUInt8(type, direntAt + 10);
      nameAt += name.isWellFormed()
        ? image.write(name, at + nameAt, "utf8")
        : encodeName(name).copy(image, at + nameAt);
    }
    at += BLOCK_BYTES;
  }
}
