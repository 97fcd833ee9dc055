import { decodeName, encodeName } from "../../lib/index.ts";
import { SYS_getdents64 } from "../constants.ts";
import { check, rawSyscall } from "../libc.ts";
import { cString } from "../paths.ts";
import { type FileKind, kindOfMode, statEntry } from "./file-stat.ts";

/** One entry of a directory, as the directory itself tells it. */
export class DirEntry {
  /** Lossless: bytes that are not UTF-8 are lone surrogates (`lib/names.ts`). */
  readonly name: string;
  readonly kind: FileKind;
  readonly ino: bigint;

  constructor(name: string, kind: FileKind, ino: bigint) {
    this.name = name;
    this.kind = kind;
    this.ino = ino;
  }

  /** The name as the bytes that it is. */
  get bytes(): Uint8Array {
    return encodeName(this.name);
  }
}

const getdents64 = rawSyscall(["i32", "ptr", "u64"]);
const chunk = Buffer.allocUnsafeSlow(64 * 1024);
const DT_UNKNOWN = 0;

/**
 * The next run of entries of an open directory, without `.` and `..`; undefined at its end. Up to about 2,000 at once,
 * so that a directory that a container filled with millions need not be held in memory.
 */
export function readEntries(fd: number): DirEntry[] | undefined {
  const length = check("getdents64", getdents64(SYS_getdents64, fd, chunk, chunk.length));
  if (length === 0) return undefined;
  const entries: DirEntry[] = [];
  for (let at = 0; at < length; ) {
    const size = chunk.readUInt16LE(at + 16);
    const end = chunk.indexOf(0, at + 19);
    const name = decodeName(chunk.subarray(at + 19, end));
    if (name !== "." && name !== "..") {
      entries.push(new DirEntry(name, kindOf(fd, chunk[at + 18]!, name), chunk.readBigUInt64LE(at)));
    }
    at += size;
  }
  return entries;
}

/** `d_type` is `st_mode` without its low 12 bits; some file systems leave it out. */
function kindOf(fd: number, type: number, name: string): FileKind {
  return type === DT_UNKNOWN ? statEntry(fd, cString(name), name).kind : kindOfMode(type << 12);
}
