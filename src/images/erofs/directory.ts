import { BLOCK_BYTES, DIRENT_BYTES } from "./format.ts";

/** An entry of a directory; `nid` is asked for when the blocks are written. */
export interface Dirent {
  readonly name: Uint8Array;
  readonly nid: () => number;
  readonly type: number;
}

/** The entries of one block. */
export type DirentBlock = readonly Dirent[];

/** Distributes entries, in the order of their bytes, over blocks: fixed parts first, then the names. */
export function layOutDirectory(entries: readonly Dirent[]): DirentBlock[] {
  const sorted = [...entries].sort((a, b) => Buffer.compare(a.name, b.name));
  const blocks: Dirent[][] = [];
  let used = BLOCK_BYTES;
  for (const entry of sorted) {
    const bytes = DIRENT_BYTES + entry.name.length;
    if (used + bytes > BLOCK_BYTES) {
      blocks.push([]);
      used = 0;
    }
    blocks.at(-1)!.push(entry);
    used += bytes;
  }
  return blocks;
}

/** The directory's length: all blocks are whole but the last. */
export function directoryBytes(blocks: readonly DirentBlock[]): number {
  const last = blocks.at(-1)!.reduce((sum, { name }) => sum + DIRENT_BYTES + name.length, 0);
  return (blocks.length - 1) * BLOCK_BYTES + last;
}

export function writeDirentBlock(image: Buffer, at: number, block: DirentBlock): void {
  let nameAt = block.length * DIRENT_BYTES;
  let direntAt = at;
  for (const { name, nid, type } of block) {
    image.writeBigUInt64LE(BigInt(nid()), direntAt);
    image.writeUInt16LE(nameAt, direntAt + 8);
    image.writeUInt8(type, direntAt + 10);
    image.set(name, at + nameAt);
    direntAt += DIRENT_BYTES;
    nameAt += name.length;
  }
}
