import { EngineError } from "../errors.ts";

/**
 * What an archive member is. `other` is a type that neither POSIX nor GNU tar gives a file's meaning (a
 * volume label, a multi-volume part …): a reader sees it and decides.
 */
export type TarKind = "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo" | "other";

/** One stretch of a sparse file that has data; between the stretches are holes, which read as zeros. */
export interface TarSegment {
  /** Place in the file, in bytes. */
  readonly offset: number;
  readonly length: number;
}

/** A member's metadata, whatever header format told it. */
export interface TarHeader {
  /** As the archive spells it, not cleaned; names that are not UTF-8 are escaped as in `names.ts`. */
  readonly name: string;
  /** Target of a symbolic link, or the member a hard link repeats; else empty. */
  readonly linkName: string;
  readonly kind: TarKind;
  /** Permission, set-id and sticky bits (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Length of the file in bytes, holes included. */
  readonly size: number;
  /** Nanoseconds since 1970, negative before. */
  readonly mtimeNs: bigint;
  readonly atimeNs?: bigint | undefined;
  readonly ctimeNs?: bigint | undefined;
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Only of a sparse file: where its stored bytes go, in order and apart. */
  readonly segments?: readonly TarSegment[] | undefined;
}

/** A member as a reader finds it in a stream. */
export interface TarEntry extends TarHeader {
  /** The type flag's character code. */
  readonly typeFlag: number;
  /** Offset in the stream of the first block that belongs to the member (extension headers included). */
  readonly headerOffset: number;
  /** Offset in the stream of the member's first stored byte; a multiple of 512. */
  readonly dataOffset: number;
  /** Bytes stored in the stream: `size` without the holes. */
  readonly storedSize: number;
}

export const BLOCK_BYTES = 512;

/** Bytes from the end of a member's data to the next block. */
export function paddingBytes(size: number): number {
  return -size & (BLOCK_BYTES - 1);
}

/** A malformed, truncated or oversized archive. The messages of the first two are Go's, which scripts know. */
export class TarError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super("InvalidParameter", message, options);
    this.name = "TarError";
  }
}

export const invalidHeader = (reason: string) => new TarError(`archive/tar: invalid tar header: ${reason}`);
export const truncated = () => new TarError("unexpected EOF: the archive ends in the middle of a member");

/** Upper bounds on what a reader will hold in memory for a header that a stranger wrote. */
export interface TarLimits {
  /** Bytes of one long name, extended header or sparse map. Go's reader has the same bound. */
  readonly extensionBytes: number;
  /** Extension headers in a row before a member. */
  readonly extensionsInRow: number;
  /** Stretches of one sparse file. */
  readonly segments: number;
  /** Zero bytes after the end of the archive; tape records are padded to 10 KiB, some tools to 1 MiB. */
  readonly trailingBytes: number;
}

export const TAR_LIMITS: TarLimits = {
  extensionBytes: 1 << 20,
  extensionsInRow: 16,
  segments: 65_536,
  trailingBytes: 64 << 20,
};
