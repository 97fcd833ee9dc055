import { encodeName, isEscapedName } from "../names.ts";
import { TYPE } from "./block.ts";
import { BLOCK_BYTES, paddingBytes, type TarHeader, type TarKind } from "./entry.ts";
import { fitsOctal, writeChecksum, writeNumber } from "./fields.ts";
import { formatPax, formatPaxTime, XATTR_PREFIX } from "./pax.ts";

/** What `encodeHeader` needs; everything else has the obvious default. */
export type TarHeaderInput = Pick<TarHeader, "name" | "kind"> & Partial<TarHeader>;

const FLAGS: Record<Exclude<TarKind, "other">, number> = {
  file: TYPE.file,
  hardlink: TYPE.hardlink,
  symlink: TYPE.symlink,
  char: TYPE.char,
  block: TYPE.block,
  directory: TYPE.directory,
  fifo: TYPE.fifo,
};

const ID_BYTES = 8;
const SIZE_BYTES = 12;

/**
 * A member's header: one ustar block, with a PAX header before it only where the block cannot say it all
 * (long or non-ASCII names, large numbers, fractions of a second, xattrs, holes). Equal headers give equal
 * bytes. A sparse file's header ends with its map (GNU format 1.0); the segments' bytes follow.
 */
export function encodeHeader(header: TarHeaderInput): Uint8Array {
  if (header.kind === "other") throw new Error(`a tar has no member of kind ${header.kind}`);
  const preface =
    header.segments === undefined ? undefined : sparsePreface(header.segments, header.size ?? 0);
  const segments = header.segments ?? [];
  const storedSize =
    header.kind !== "file" ? 0 : preface === undefined ? (header.size ?? 0) : preface.length + sum(segments);
  const records = paxRecords(header, storedSize);
  const parts: Uint8Array[] = [];
  if (records.size > 0) {
    const body = formatPax(records);
    parts.push(paxBlock(header.name, body.length), body, new Uint8Array(paddingBytes(body.length)));
  }
  parts.push(memberBlock(header, storedSize));
  if (preface !== undefined) parts.push(preface);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** The zero bytes that follow a member's data. */
export function padding(size: number): Uint8Array {
  return ZEROS.subarray(0, paddingBytes(size));
}

/** The two zero blocks that end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);
const ZEROS = new Uint8Array(BLOCK_BYTES);

function sum(segments: TarHeader["segments"] & object): number {
  return segments.reduce((total, segment) => total + segment.length, 0);
}

function paxRecords(header: TarHeaderInput, storedSize: number): Map<string, Uint8Array | string> {
  const records = new Map<string, Uint8Array | string>();
  const isSparse = header.segments !== undefined;
  if (isSparse) {
    records.set("GNU.sparse.major", "1");
    records.set("GNU.sparse.minor", "0");
    records.set("GNU.sparse.name", header.name);
    records.set("GNU.sparse.realsize", String(header.size ?? 0));
  } else if (splitName(header.name) === undefined) records.set("path", header.name);
  if (!fitsText(header.linkName ?? "", 100)) records.set("linkpath", header.linkName!);
  if (!fitsOctal(header.uid ?? 0, ID_BYTES)) records.set("uid", String(header.uid));
  if (!fitsOctal(header.gid ?? 0, ID_BYTES)) records.set("gid", String(header.gid));
  if (!fitsOctal(storedSize, SIZE_BYTES)) records.set("size", String(storedSize));
  if (!fitsText(header.userName ?? "", 31)) records.set("uname", header.userName!);
  if (!fitsText(header.groupName ?? "", 31)) records.set("gname", header.groupName!);
  const mtimeNs = header.mtimeNs ?? 0n;
  if (mtimeNs % 1_000_000_000n !== 0n || !fitsOctal(Number(mtimeNs / 1_000_000_000n), SIZE_BYTES)) {
    records.set("mtime", formatPaxTime(mtimeNs));
  }
  if (header.atimeNs !== undefined) records.set("atime", formatPaxTime(header.atimeNs));
  if (header.ctimeNs !== undefined) records.set("ctime", formatPaxTime(header.ctimeNs));
  for (const [name, value] of header.xattrs ?? []) records.set(XATTR_PREFIX + name, value);
  return records;
}

function memberBlock(header: TarHeaderInput, storedSize: number): Uint8Array {
  const flag = FLAGS[header.kind as Exclude<TarKind, "other">];
  const block = emptyBlock(flag);
  const isSparse = header.segments !== undefined;
  const [prefix, name] = (isSparse ? undefined : splitName(header.name)) ?? ["", header.name];
  putText(block, 0, 100, name);
  putText(block, 345, 155, prefix);
  putText(block, 157, 100, header.linkName ?? "");
  writeNumber(block, 100, 8, (header.mode ?? 0o644) & 0o7777);
  writeNumber(block, 108, ID_BYTES, header.uid ?? 0);
  writeNumber(block, 116, ID_BYTES, header.gid ?? 0);
  writeNumber(block, 124, SIZE_BYTES, storedSize);
  const mtimeNs = header.mtimeNs ?? 0n;
  writeNumber(block, 136, SIZE_BYTES, mtimeNs < 0n ? 0 : Number(mtimeNs / 1_000_000_000n));
  putText(block, 265, 31, header.userName ?? "");
  putText(block, 297, 31, header.groupName ?? "");
  writeNumber(block, 329, 8, header.major ?? 0);
  writeNumber(block, 337, 8, header.minor ?? 0);
  writeChecksum(block);
  return block;
}

/** The block before a PAX body, named as Go's writer names it. */
function paxBlock(name: string, bodyBytes: number): Uint8Array {
  const block = emptyBlock(TYPE.paxLocal);
  const base = name.replace(/\/+$/, "").split("/").at(-1) ?? "";
  putText(block, 0, 100, `PaxHeaders.0/${base}`);
  writeNumber(block, 100, 8, 0o644);
  writeNumber(block, 108, ID_BYTES, 0);
  writeNumber(block, 116, ID_BYTES, 0);
  writeNumber(block, 124, SIZE_BYTES, bodyBytes);
  writeNumber(block, 136, SIZE_BYTES, 0);
  writeNumber(block, 329, 8, 0);
  writeNumber(block, 337, 8, 0);
  writeChecksum(block);
  return block;
}

function emptyBlock(typeFlag: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  block[156] = typeFlag;
  block.set([0x75, 0x73, 0x74, 0x61, 0x72, 0, 0x30, 0x30], 257);
  return block;
}

/** Writes what fits; whatever does not has a PAX record. */
function putText(block: Uint8Array, start: number, length: number, text: string): void {
  if (text !== "") block.set(encodeName(text).subarray(0, length), start);
}

const PRINTABLE = /^[\x20-\x7e]*$/;

/** ustar's strings are ASCII; everything else goes into a PAX record, where it is UTF-8 by definition. */
function fitsText(text: string, length: number): boolean {
  return text.length <= length && PRINTABLE.test(text) && !isEscapedName(text);
}

/** The name as ustar's prefix and name, cut at a slash; undefined where it does not fit. */
function splitName(name: string): [prefix: string, name: string] | undefined {
  if (fitsText(name, 100)) return ["", name];
  if (!fitsText(name, 256)) return undefined;
  const slash = name.indexOf("/", name.length - 101);
  if (slash <= 0 || slash > 155 || slash === name.length - 1) return undefined;
  return [name.slice(0, slash), name.slice(slash + 1)];
}

/** An empty stretch at the file's end tells GNU tar how long a trailing hole is. */
function sparsePreface(segments: NonNullable<TarHeader["segments"]>, size: number): Uint8Array {
  const last = segments.at(-1);
  const ends = last !== undefined && last.offset + last.length === size;
  const stretches = ends ? segments : [...segments, { offset: size, length: 0 }];
  let text = `${stretches.length}\n`;
  for (const { offset, length } of stretches) text += `${offset}\n${length}\n`;
  return Buffer.from(text.padEnd(text.length + paddingBytes(text.length), "\0"), "latin1");
}
