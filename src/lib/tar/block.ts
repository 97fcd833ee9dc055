import { BLOCK_BYTES, invalidHeader, type TarKind } from "./entry.ts";
import { isZeroBlock, readNumber, readText, verifyChecksum } from "./fields.ts";

/** A header block's own fields, before extension headers are laid over them. */
export interface HeaderBlock {
  readonly typeFlag: number;
  readonly kind: TarKind;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly major: number;
  readonly minor: number;
}

export const TYPE = {
  file: 0x30,
  oldFile: 0,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  directory: 0x35,
  fifo: 0x36,
  contiguous: 0x37,
  gnuLongName: 0x4c,
  gnuLongLink: 0x4b,
  gnuSparse: 0x53,
  paxLocal: 0x78,
  paxGlobal: 0x67,
} as const;

const KINDS = new Map<number, TarKind>([
  [TYPE.file, "file"],
  [TYPE.oldFile, "file"],
  [TYPE.contiguous, "file"],
  [TYPE.gnuSparse, "file"],
  [TYPE.hardlink, "hardlink"],
  [TYPE.symlink, "symlink"],
  [TYPE.char, "char"],
  [TYPE.block, "block"],
  [TYPE.directory, "directory"],
  [TYPE.fifo, "fifo"],
]);

/** Type flags that describe the member after them. */
export function isExtension(typeFlag: number): boolean {
  return (
    typeFlag === TYPE.paxLocal ||
    typeFlag === TYPE.paxGlobal ||
    typeFlag === TYPE.gnuLongName ||
    typeFlag === TYPE.gnuLongLink
  );
}

const MAGIC_AT = 257;
const USTAR = [0x75, 0x73, 0x74, 0x61, 0x72];

/** @throws TarError where the block is no header. */
export function parseBlock(block: Uint8Array): HeaderBlock {
  if (block.length !== BLOCK_BYTES) throw invalidHeader("a short block");
  verifyChecksum(block);
  const typeFlag = block[156]!;
  const name = readName(block);
  const kind =
    typeFlag === TYPE.oldFile && name.endsWith("/") ? "directory" : (KINDS.get(typeFlag) ?? "other");
  const isUstar = hasUstarMagic(block);
  const isDevice = kind === "char" || kind === "block";
  return {
    typeFlag,
    kind,
    name,
    linkName: readText(block, 157, 100),
    mode: readNumber(block, 100, 8) & 0o7777,
    uid: readNumber(block, 108, 8),
    gid: readNumber(block, 116, 8),
    size: readNumber(block, 124, 12),
    mtimeSeconds: readNumber(block, 136, 12),
    userName: isUstar ? readText(block, 265, 32) : "",
    groupName: isUstar ? readText(block, 297, 32) : "",
    major: isUstar && isDevice ? readNumber(block, 329, 8) : 0,
    minor: isUstar && isDevice ? readNumber(block, 337, 8) : 0,
  };
}

function hasUstarMagic(block: Uint8Array): boolean {
  for (let i = 0; i < USTAR.length; i++) if (block[MAGIC_AT + i] !== USTAR[i]) return false;
  return true;
}

/** GNU's magic ends in spaces and has times where ustar has a prefix; star's prefix is shorter. */
function readName(block: Uint8Array): string {
  const name = readText(block, 0, 100);
  const isPosix = hasUstarMagic(block) && block[MAGIC_AT + 5] === 0;
  if (!isPosix) return name;
  const isStar = block[508] === 0x74 && block[509] === 0x61 && block[510] === 0x72 && block[511] === 0;
  const prefix = readText(block, 345, isStar ? 131 : 155);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Whether data that begins with this block is an archive: with a header, or, being empty, with zeros. */
export function isTarHeader(block: Uint8Array): boolean {
  if (block.length !== BLOCK_BYTES) return false;
  if (isZeroBlock(block)) return true;
  try {
    verifyChecksum(block);
    return true;
  } catch {
    return false;
  }
}
