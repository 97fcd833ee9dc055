import { decodeName } from "../names.ts";
import { type HeaderBlock, isExtension, parseBlock, TYPE } from "./block.ts";
import {
  BLOCK_BYTES,
  invalidHeader,
  paddingBytes,
  TAR_LIMITS,
  type TarEntry,
  TarError,
  type TarLimits,
  type TarSegment,
  truncated,
} from "./entry.ts";
import { isZeroBlock, readNumber, readText } from "./fields.ts";
import { type PaxRecords, parsePax, paxNumber, paxText, paxTimeNs, XATTR_PREFIX } from "./pax.ts";
import { checkSegments, parseSparseMap, readGnuPairs, SparsePreface } from "./sparse.ts";

/** What a scanner finds: a member, stored bytes of the last member, or the archive's end. */
export type TarToken =
  | { readonly type: "entry"; readonly entry: TarEntry }
  | { readonly type: "data"; readonly bytes: Uint8Array }
  | { readonly type: "end" };

/** Extension headers collected for the next member. */
interface Extensions {
  count: number;
  longName?: string;
  longLink?: string;
  pax?: PaxRecords;
  /** Pairs of GNU's sparse format 0.0, whose keys repeat. */
  pairs?: number[];
}

type State = "header" | "extension" | "sparse-blocks" | "sparse-preface" | "data" | "padding" | "end";

const END: TarToken = { type: "end" };

/**
 * Reads a tar stream as it comes: `push` a chunk, then call `next` until it answers `undefined`, which asks
 * for another chunk; `finish` when there is none. It never waits and copies no data: bytes of members are
 * subarrays of the chunks. Reads ustar, GNU (long names, sparse files, base-256 numbers) and PAX archives,
 * verifies each checksum, and holds no more in memory than `TarLimits` allow.
 */
export class TarScanner {
  readonly #limits: TarLimits;
  readonly #withData: boolean;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Offset in the stream of the chunk's first byte. */
  #base = 0;
  readonly #carry = Buffer.alloc(BLOCK_BYTES);
  #carried = 0;
  #state: State = "header";
  #zeroBlocks = 0;
  #trailing = 0;
  /** Bytes left of the present extension, data or padding. */
  #left = 0;
  #storedLeft = 0;
  #extension: { typeFlag: number; body: Uint8Array; filled: number; padding: number } | undefined;
  #extensions: Extensions = { count: 0 };
  readonly #globals: PaxRecords = new Map();
  #globalBytes = 0;
  #memberStart = -1;
  #sparse: { header: HeaderBlock; segments: TarSegment[]; realSize: number } | undefined;
  #preface: { header: HeaderBlock; parser: SparsePreface; bytes: number } | undefined;

  /** `withData: false` passes over the members' bytes without a token. */
  constructor(options: { limits?: Partial<TarLimits>; withData?: boolean } = {}) {
    this.#limits = { ...TAR_LIMITS, ...options.limits };
    this.#withData = options.withData ?? true;
  }

  /** Offset in the stream of the next byte that is looked at. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** Whether the end of the archive was seen; what follows is only counted. */
  get ended(): boolean {
    return this.#state === "end";
  }

  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) throw new Error("the last chunk is not used up");
    this.#base += this.#chunk.length;
    // Texts are read faster from these.
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
  }

  /** @throws TarError where the archive is malformed. */
  next(): TarToken | undefined {
    for (;;) {
      switch (this.#state) {
        case "header": {
          const start = this.offset - this.#carried;
          const block = this.#takeBlock();
          if (block === undefined) return undefined;
          const token = this.#onBlock(block, start);
          if (token !== undefined) return token;
          break;
        }
        case "extension":
          if (!this.#fillExtension()) return undefined;
          break;
        case "sparse-blocks": {
          const block = this.#takeBlock();
          if (block === undefined) return undefined;
          const token = this.#onSparseBlock(block);
          if (token !== undefined) return token;
          break;
        }
        case "sparse-preface": {
          const block = this.#takeBlock();
          if (block === undefined) return undefined;
          const token = this.#onPrefaceBlock(block);
          if (token !== undefined) return token;
          break;
        }
        case "data": {
          const bytes = this.#takeData();
          if (bytes === undefined) return undefined;
          if (bytes.length > 0 && this.#withData) return { type: "data", bytes };
          break;
        }
        case "padding":
          if (!this.#skipPadding()) return undefined;
          break;
        case "end":
          this.#skipTrailing();
          return undefined;
      }
    }
  }

  /**
   * Says that the stream is over. Archives without their two zero blocks are taken, as by Go and GNU tar.
   * @throws TarError where the stream stops inside a member.
   */
  finish(): void {
    const clean =
      this.#state === "end" ||
      (this.#state === "header" && this.#carried === 0 && this.#extensions.count === 0) ||
      // The last member's padding may be missing: nothing of it is lost.
      this.#state === "padding";
    if (!clean) throw truncated();
    this.#state = "end";
  }

  /** A whole block: in place where the chunk has it, else put together from two or more chunks. */
  #takeBlock(): Uint8Array | undefined {
    const available = this.#chunk.length - this.#at;
    if (this.#carried === 0 && available >= BLOCK_BYTES) {
      const block = this.#chunk.subarray(this.#at, this.#at + BLOCK_BYTES);
      this.#at += BLOCK_BYTES;
      return block;
    }
    const wanted = Math.min(BLOCK_BYTES - this.#carried, available);
    this.#carry.set(this.#chunk.subarray(this.#at, this.#at + wanted), this.#carried);
    this.#carried += wanted;
    this.#at += wanted;
    if (this.#carried < BLOCK_BYTES) return undefined;
    this.#carried = 0;
    return this.#carry;
  }

  #onBlock(block: Uint8Array, start: number): TarToken | undefined {
    if (isZeroBlock(block)) {
      if (this.#extensions.count > 0) throw invalidHeader("an extension describes no member");
      if (++this.#zeroBlocks < 2) return undefined;
      this.#state = "end";
      return END;
    }
    if (this.#zeroBlocks > 0) throw invalidHeader("a lone zero block");
    if (this.#memberStart < 0) this.#memberStart = start;
    const header = parseBlock(block);
    if (isExtension(header.typeFlag)) {
      this.#startExtension(header);
      return undefined;
    }
    if (header.typeFlag === TYPE.gnuSparse) return this.#startGnuSparse(header, block);
    if (this.#sparseVersion(header) === "1.0") {
      const bytes = this.#sizeOf(header);
      this.#preface = { header, parser: new SparsePreface(), bytes };
      this.#state = "sparse-preface";
      return undefined;
    }
    return this.#emit(header, this.#sizeOf(header), this.#paxSparse(header));
  }

  #startExtension(header: HeaderBlock): void {
    if (header.size < 0 || header.size > this.#limits.extensionBytes)
      throw invalidHeader("an extension is too long");
    if (++this.#extensions.count > this.#limits.extensionsInRow)
      throw invalidHeader("too many extensions in a row");
    this.#extension = {
      typeFlag: header.typeFlag,
      body: new Uint8Array(header.size),
      filled: 0,
      padding: paddingBytes(header.size),
    };
    this.#state = "extension";
  }

  #fillExtension(): boolean {
    const extension = this.#extension!;
    const take = Math.min(extension.body.length - extension.filled, this.#chunk.length - this.#at);
    extension.body.set(this.#chunk.subarray(this.#at, this.#at + take), extension.filled);
    extension.filled += take;
    this.#at += take;
    if (extension.filled < extension.body.length) return false;
    const skip = Math.min(extension.padding, this.#chunk.length - this.#at);
    extension.padding -= skip;
    this.#at += skip;
    if (extension.padding > 0) return false;
    this.#onExtension(extension.typeFlag, extension.body);
    this.#extension = undefined;
    this.#state = "header";
    return true;
  }

  #onExtension(typeFlag: number, body: Uint8Array): void {
    if (typeFlag === TYPE.gnuLongName) this.#extensions.longName = readText(body, 0, body.length);
    else if (typeFlag === TYPE.gnuLongLink) this.#extensions.longLink = readText(body, 0, body.length);
    else if (typeFlag === TYPE.paxGlobal) this.#onGlobal(body);
    else this.#onLocal(body);
  }

  /** A global header holds for all members after it (POSIX pax, "Extended Header"), and is no member. */
  #onGlobal(body: Uint8Array): void {
    this.#extensions.count--;
    this.#globalBytes += body.length;
    if (this.#globalBytes > this.#limits.extensionBytes)
      throw invalidHeader("global extensions are too long");
    for (const [key, value] of parsePax(body)) {
      if (value.length === 0) this.#globals.delete(key);
      else if (!key.startsWith("GNU.sparse.")) this.#globals.set(key, value);
    }
    if (this.#extensions.count === 0) this.#memberStart = -1;
  }

  #onLocal(body: Uint8Array): void {
    const pax = this.#extensions.pax ?? new Map<string, Uint8Array>();
    this.#extensions.pax = pax;
    for (const [key, value] of parsePax(body)) {
      pax.set(key, value);
      if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
        const pairs = this.#extensions.pairs ?? [];
        this.#extensions.pairs = pairs;
        if ((pairs.length % 2 === 0) !== (key === "GNU.sparse.offset"))
          throw invalidHeader("sparse pairs are mixed up");
        pairs.push(paxNumber(key, value));
      }
    }
  }

  #sparseVersion(header: HeaderBlock): "none" | "0" | "1.0" {
    const pax = this.#extensions.pax;
    if (pax === undefined || header.kind !== "file") return "none";
    const major = pax.get("GNU.sparse.major");
    if (major !== undefined) {
      const version = `${decodeName(major)}.${decodeName(pax.get("GNU.sparse.minor") ?? new Uint8Array(0))}`;
      if (version === "1.0") return "1.0";
      if (version !== "0.0" && version !== "0.1") throw invalidHeader("an unknown sparse format");
    }
    return pax.has("GNU.sparse.map") || this.#extensions.pairs !== undefined ? "0" : "none";
  }

  #paxSparse(header: HeaderBlock): { segments: TarSegment[]; realSize: number } | undefined {
    if (this.#sparseVersion(header) === "none") return undefined;
    const pax = this.#extensions.pax!;
    const map = pax.get("GNU.sparse.map");
    const pairs = this.#extensions.pairs ?? [];
    const segments = map !== undefined ? parseSparseMap(map) : pairSegments(pairs);
    const size = pax.get("GNU.sparse.size");
    if (size === undefined) throw invalidHeader("a sparse file has no size");
    return { segments, realSize: paxNumber("GNU.sparse.size", size) };
  }

  #startGnuSparse(header: HeaderBlock, block: Uint8Array): TarToken | undefined {
    const segments: TarSegment[] = [];
    readGnuPairs(block, 386, 4, segments);
    const sparse = { header, segments, realSize: readNumber(block, 483, 12) };
    if (block[482] === 0) return this.#emit(header, this.#sizeOf(header), sparse);
    this.#sparse = sparse;
    this.#state = "sparse-blocks";
    return undefined;
  }

  #onSparseBlock(block: Uint8Array): TarToken | undefined {
    const sparse = this.#sparse!;
    readGnuPairs(block, 0, 21, sparse.segments);
    if (block[504] !== 0) return undefined;
    this.#sparse = undefined;
    return this.#emit(sparse.header, this.#sizeOf(sparse.header), sparse);
  }

  #onPrefaceBlock(block: Uint8Array): TarToken | undefined {
    const preface = this.#preface!;
    preface.bytes -= BLOCK_BYTES;
    if (preface.bytes < 0) throw invalidHeader("a sparse map is longer than its member");
    if (!preface.parser.take(block)) return undefined;
    this.#preface = undefined;
    const size = this.#extensions.pax!.get("GNU.sparse.realsize");
    if (size === undefined) throw invalidHeader("a sparse file has no size");
    const realSize = paxNumber("GNU.sparse.realsize", size);
    return this.#emit(preface.header, preface.bytes, { segments: preface.parser.segments, realSize });
  }

  /** Bytes that follow the header: none for what is no file, whatever the header says (as Go reads it). */
  #sizeOf(header: HeaderBlock): number {
    const record = this.#record("size");
    const size = record === undefined ? header.size : paxNumber("size", record);
    if (size < 0) throw invalidHeader("a negative size");
    return header.kind === "file" || header.kind === "other" ? size : 0;
  }

  #record(key: string): Uint8Array | undefined {
    const local = this.#extensions.pax?.get(key);
    if (local !== undefined) return local.length === 0 ? undefined : local;
    return this.#globals.get(key);
  }

  #text(key: string): string | undefined {
    const value = this.#record(key);
    return value === undefined ? undefined : paxText(key, value);
  }

  #emit(
    header: HeaderBlock,
    storedSize: number,
    sparse: { segments: TarSegment[]; realSize: number } | undefined,
  ): TarToken {
    const extensions = this.#extensions;
    const time = (key: string) => {
      const value = this.#record(key);
      return value === undefined ? undefined : paxTimeNs(key, value);
    };
    const plain = extensions.pax === undefined && this.#globals.size === 0;
    const entry: TarEntry = {
      typeFlag: header.typeFlag,
      kind: header.kind,
      name:
        (sparse && this.#text("GNU.sparse.name")) ?? this.#text("path") ?? extensions.longName ?? header.name,
      linkName: this.#text("linkpath") ?? extensions.longLink ?? header.linkName,
      mode: header.mode,
      uid: this.#owner("uid", header.uid),
      gid: this.#owner("gid", header.gid),
      userName: this.#text("uname") ?? header.userName,
      groupName: this.#text("gname") ?? header.groupName,
      size: sparse?.realSize ?? storedSize,
      mtimeNs: time("mtime") ?? BigInt(header.mtimeSeconds) * 1_000_000_000n,
      atimeNs: plain ? undefined : time("atime"),
      ctimeNs: plain ? undefined : time("ctime"),
      major: header.major,
      minor: header.minor,
      xattrs: plain ? NO_XATTRS : this.#xattrs(),
      segments: sparse && checkSegments(sparse.segments, sparse.realSize, storedSize),
      headerOffset: this.#memberStart,
      dataOffset: this.offset,
      storedSize,
    };
    if (entry.name.includes("\0") || entry.linkName.includes("\0")) throw invalidHeader("NUL in a name");
    this.#extensions = { count: 0 };
    this.#memberStart = -1;
    this.#storedLeft = storedSize;
    this.#left = paddingBytes(storedSize);
    this.#state = "data";
    return { type: "entry", entry };
  }

  /** The id 2^32 − 1 means "leave it" to chown(2), so that no member may have it. */
  #owner(key: "uid" | "gid", fromBlock: number): number {
    const record = this.#record(key);
    const id = record === undefined ? fromBlock : paxNumber(key, record);
    if (id < 0 || id >= 0xffff_ffff) throw invalidHeader(`${key} ${id} is out of range`);
    return id;
  }

  #xattrs(): ReadonlyMap<string, Uint8Array> {
    const xattrs = new Map<string, Uint8Array>();
    for (const records of [this.#globals, this.#extensions.pax ?? NO_XATTRS]) {
      for (const [key, value] of records) {
        if (!key.startsWith(XATTR_PREFIX)) continue;
        const name = key.slice(XATTR_PREFIX.length);
        if (name === "" || name.includes("\0")) throw invalidHeader("an xattr has no name");
        xattrs.set(name, value);
      }
    }
    return xattrs;
  }

  #takeData(): Uint8Array | undefined {
    if (this.#storedLeft === 0) {
      this.#state = "padding";
      return this.#chunk.subarray(0, 0);
    }
    const take = Math.min(this.#storedLeft, this.#chunk.length - this.#at);
    if (take === 0) return undefined;
    const bytes = this.#chunk.subarray(this.#at, this.#at + take);
    this.#at += take;
    this.#storedLeft -= take;
    return bytes;
  }

  #skipPadding(): boolean {
    const skip = Math.min(this.#left, this.#chunk.length - this.#at);
    this.#left -= skip;
    this.#at += skip;
    if (this.#left > 0) return false;
    this.#state = "header";
    return true;
  }

  #skipTrailing(): void {
    this.#trailing += this.#chunk.length - this.#at;
    this.#at = this.#chunk.length;
    if (this.#trailing > this.#limits.trailingBytes)
      throw new TarError("the archive goes on long after its end");
  }
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

function pairSegments(pairs: readonly number[]): TarSegment[] {
  if (pairs.length % 2 !== 0) throw invalidHeader("sparse pairs are mixed up");
  if (pairs.length > 2 * TAR_LIMITS.segments) throw invalidHeader("too many sparse segments");
  const segments: TarSegment[] = [];
  for (let i = 0; i < pairs.length; i += 2) segments.push({ offset: pairs[i]!, length: pairs[i + 1]! });
  return segments;
}
