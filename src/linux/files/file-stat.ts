import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_SYMLINK_NOFOLLOW,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../constants.ts";
import { check, libc } from "../libc.ts";
import { cString, type Path } from "../paths.ts";

/** What a directory entry is. */
export type FileKind = "file" | "directory" | "symlink" | "fifo" | "socket" | "char" | "block";

/** A file's facts, by `statx(2)`, which is the same on every architecture. */
export interface FileStat {
  readonly kind: FileKind;
  /** Permission bits with set-user-id, set-group-id and sticky: 0…0o7777. The type is `kind`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Allocated blocks of 512 bytes: fewer than the size needs where a file has holes. */
  readonly blocks: number;
  readonly nlink: number;
  readonly ino: bigint;
  /** Device that the file is on. */
  readonly dev: bigint;
  /** Device that a `char` or `block` file stands for, in parts; 0 for everything else. */
  readonly major: number;
  readonly minor: number;
  /** The same in one number, as `mknod(2)` takes it. */
  readonly rdev: bigint;
  /** Nanoseconds since 1970. */
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** The mount that the file was reached through; 0 on kernels before 5.8. */
  readonly mountId: bigint;
}

const KINDS: Readonly<Record<number, FileKind>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFIFO]: "fifo",
  [S_IFSOCK]: "socket",
  [S_IFCHR]: "char",
  [S_IFBLK]: "block",
};

/** The kind that an `st_mode` says. */
export function kindOfMode(mode: number): FileKind {
  return KINDS[mode & S_IFMT] ?? "file";
}

/** The `st_mode` type bits of a kind. */
export function modeOfKind(kind: FileKind): number {
  for (const [bits, name] of Object.entries(KINDS)) if (name === kind) return Number(bits);
  return S_IFREG;
}

/** `makedev(3)` as the kernel encodes it in 32 bits: 12 of major, 20 of minor. */
export function makeDevice(major: number, minor: number): bigint {
  const low = (BigInt(major & 0xfff) << 8n) | BigInt(minor & 0xff);
  return low | (BigInt(minor & 0xfff00) << 12n);
}

const STATX_BASIC_STATS = 0x7ff;
const STATX_MNT_ID = 0x1000;
const EMPTY = cString("");

const record = new DataView(new ArrayBuffer(256));
const recordBytes = new Uint8Array(record.buffer);

/** Facts of an open file, an O_PATH descriptor included. */
export function statDescriptor(fd: number): FileStat {
  return statx(fd, EMPTY, AT_EMPTY_PATH, undefined);
}

/** Facts of an entry of a directory; a link is described itself, never followed. */
export function statEntry(directory: number, name: Uint8Array, shown: Path): FileStat {
  return statx(directory, name, AT_SYMLINK_NOFOLLOW, shown);
}

function statx(directory: number, name: Uint8Array, flags: number, shown: Path | undefined): FileStat {
  const mask = STATX_BASIC_STATS | STATX_MNT_ID;
  check("statx", libc.statx(directory, name, flags | AT_NO_AUTOMOUNT, mask, recordBytes), shown);
  return parseStatx();
}

/** Offsets are those of `struct statx` in linux/stat.h. */
function parseStatx(): FileStat {
  const mode = record.getUint16(28, true);
  const major = record.getUint32(128, true);
  const minor = record.getUint32(132, true);
  return {
    kind: kindOfMode(mode),
    mode: mode & 0o7777,
    nlink: record.getUint32(16, true),
    uid: record.getUint32(20, true),
    gid: record.getUint32(24, true),
    ino: record.getBigUint64(32, true),
    size: Number(record.getBigUint64(40, true)),
    blocks: Number(record.getBigUint64(48, true)),
    atimeNs: timestamp(64),
    ctimeNs: timestamp(96),
    mtimeNs: timestamp(112),
    major,
    minor,
    rdev: makeDevice(major, minor),
    dev: makeDevice(record.getUint32(136, true), record.getUint32(140, true)),
    mountId: (record.getUint32(0, true) & STATX_MNT_ID) === 0 ? 0n : record.getBigUint64(144, true),
  };
}

function timestamp(offset: number): bigint {
  return record.getBigInt64(offset, true) * 1_000_000_000n + BigInt(record.getUint32(offset + 8, true));
}
