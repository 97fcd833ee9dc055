/**
 * The parts of the EROFS on-disk format that berth writes (linux, fs/erofs/erofs_fs.h). All numbers are little-endian.
 */
export const BLOCK_BITS = 9;
/** The block size of tar, so that a file's bytes in the tar begin at a block. Linux 6.4. */
export const BLOCK_BYTES = 1 << BLOCK_BITS;

export const SUPERBLOCK_AT = 1024;
const SUPERBLOCK_BYTES = 128;
const DEVICE_SLOT_BYTES = 128;
/** The one device slot is right behind the superblock. */
const DEVICE_SLOT_AT = SUPERBLOCK_AT + SUPERBLOCK_BYTES;
/** Where inodes begin: the first block after superblock and device slot. */
export const META_AT = 1536;

const MAGIC = 0xe0f5_e1e2;
const INCOMPAT_CHUNKED_FILE = 0x4;
const INCOMPAT_DEVICE_TABLE = 0x8;

/** Inodes are addressed in units of this size. */
export const INODE_SLOT_BYTES = 32;
/** The longer of the two forms, which has times to the nanosecond and 32-bit owners. */
export const INODE_BYTES = 64;

/** How an inode's data lies (`i_format`, bits 1–3). */
export const LAYOUT = { plain: 0, inline: 2, chunks: 4 } as const;
/** Chunks are told by 8-byte entries with a device, of `1 << (BLOCK_BITS + low five bits)` bytes each. */
export const CHUNK_INDEXES = 0x20;
export const CHUNK_INDEX_BYTES = 8;
export const CHUNK_BITS_MAX = BLOCK_BITS + 31;
/** The address of a hole. */
export const NULL_ADDRESS = 0xffff_ffff;

export const DIRENT_BYTES = 12;

export interface Superblock {
  readonly rootNid: number;
  readonly inodes: number;
  /** Blocks of this image, and of the device that has the files' content. */
  readonly blocks: number;
  readonly deviceBlocks: number;
}

export function writeSuperblock(image: DataView, superblock: Superblock): void {
  const at = SUPERBLOCK_AT;
  image.setUint32(at, MAGIC, true);
  image.setUint8(at + 12, BLOCK_BITS);
  image.setUint16(at + 14, superblock.rootNid, true);
  image.setBigUint64(at + 16, BigInt(superblock.inodes), true);
  image.setUint32(at + 36, superblock.blocks, true);
  image.setUint32(at + 40, META_AT / BLOCK_BYTES, true);
  image.setUint32(at + 80, INCOMPAT_CHUNKED_FILE | INCOMPAT_DEVICE_TABLE, true);
  image.setUint16(at + 86, 1, true);
  image.setUint16(at + 88, DEVICE_SLOT_AT / DEVICE_SLOT_BYTES, true);
  image.setUint32(DEVICE_SLOT_AT + 64, superblock.deviceBlocks, true);
}

export interface Inode {
  readonly layout: number;
  /** Length of the attributes behind the inode, in bytes: 0, or as `encodeXattrs` makes them. */
  readonly xattrBytes: number;
  /** `st_mode`, type included. */
  readonly mode: number;
  readonly size: number;
  /** Block address, chunk format or device number, as the layout has it. */
  readonly union: number;
  readonly number: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly links: number;
}

const XATTR_HEADER_BYTES = 12;

export function writeInode(image: DataView, at: number, inode: Inode): void {
  const xattrCount = inode.xattrBytes === 0 ? 0 : 1 + (inode.xattrBytes - XATTR_HEADER_BYTES) / 4;
  image.setUint16(at, 1 | (inode.layout << 1), true);
  image.setUint16(at + 2, xattrCount, true);
  image.setUint16(at + 4, inode.mode, true);
  setInt64(image, at + 8, inode.size);
  image.setUint32(at + 16, inode.union, true);
  image.setUint32(at + 20, inode.number, true);
  image.setUint32(at + 24, inode.uid, true);
  image.setUint32(at + 28, inode.gid, true);
  setInt64(image, at + 32, inode.mtimeSeconds);
  image.setUint32(at + 40, inode.mtimeNanoseconds, true);
  image.setUint32(at + 44, inode.links, true);
}

/** Two's complement of a safe integer. */
function setInt64(image: DataView, at: number, value: number): void {
  const high = Math.floor(value / 2 ** 32);
  image.setUint32(at, value - high * 2 ** 32, true);
  image.setInt32(at + 4, high, true);
}

/** One chunk of a file: 0 is this image, 1 the device behind it. */
export function writeChunkIndex(image: DataView, at: number, device: number, blockAddress: number): void {
  image.setUint16(at, 0, true);
  image.setUint16(at + 2, blockAddress === NULL_ADDRESS ? 0 : device, true);
  image.setUint32(at + 4, blockAddress, true);
}

/** Prefixes of attribute names, by their number on disk; what has none of them cannot be told. */
const XATTR_PREFIXES: readonly [prefix: string, index: number][] = [
  ["user.", 1],
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
  ["trusted.", 4],
  ["security.", 6],
];

/** Attributes as they follow an inode; of length 0 where there are none. */
export function encodeXattrs(xattrs: Iterable<[name: string, value: Uint8Array]>): Uint8Array {
  const parts: Buffer[] = [];
  for (const [name, value] of xattrs) {
    const prefix = XATTR_PREFIXES.find(([text]) => name.startsWith(text));
    if (prefix === undefined) continue;
    const rest = Buffer.from(name.slice(prefix[0].length), "utf8");
    const entry = Buffer.alloc((4 + rest.length + value.length + 3) & ~3);
    entry.writeUInt8(rest.length, 0);
    entry.writeUInt8(prefix[1], 1);
    entry.writeUInt16LE(value.length, 2);
    entry.set(rest, 4);
    entry.set(value, 4 + rest.length);
    parts.push(entry);
  }
  return parts.length === 0 ? NOTHING : Buffer.concat([Buffer.alloc(XATTR_HEADER_BYTES), ...parts]);
}

const NOTHING = Buffer.alloc(0);

/** XATTR_NAME_MAX, and what an inode can count of attributes; both bounds are the kernel's or the format's. */
export const XATTR_NAME_BYTES_MAX = 255;
export const XATTR_VALUE_BYTES_MAX = 65_535;
export const XATTRS_BYTES_MAX = (65_535 - 1) * 4;
