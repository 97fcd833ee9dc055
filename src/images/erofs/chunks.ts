import { invalidParameter, type TarSegment } from "../../lib/index.ts";
import { BLOCK_BITS, BLOCK_BYTES, CHUNK_BITS_MAX } from "./format.ts";

/** A stretch of a file, of one length for the whole file: in the tar, copied, or, with neither, a hole. */
export interface Chunk {
  /** Where it begins in the tar, in blocks. */
  readonly tarBlock?: number;
  readonly copied?: CopiedChunk;
}

/** A chunk that has to be put together, because its bytes do not lie in the tar as they lie in the file. */
export interface CopiedChunk {
  readonly chunkBytes: number;
  readonly pieces: readonly Piece[];
  /** In the image; set when it has its place. */
  blockAddress: number;
}

export interface Piece {
  readonly tarOffset: number;
  /** Within the chunk. */
  readonly at: number;
  readonly length: number;
}

export interface ChunkPlan {
  readonly chunkBits: number;
  readonly chunks: readonly Chunk[];
}

/** Most chunks of a file: 8 MiB of index. Files with more and finer holes than that get coarser, copied chunks. */
const CHUNKS_MAX = 1 << 20;

/**
 * How a file is told in chunks. One without holes is a single chunk that begins where its bytes do in the tar. One
 * with holes needs chunks that its stretches fill exactly; where they do not, or these would be too many, the chunks
 * with data are copied.
 */
export function planChunks(
  size: number,
  dataOffset: number,
  segments: readonly TarSegment[] | undefined,
): ChunkPlan {
  if (segments === undefined)
    return { chunkBits: bitsFor(size), chunks: [{ tarBlock: dataOffset / BLOCK_BYTES }] };
  const stored = withOffsets(segments, dataOffset);
  const bits = alignmentOf(stored, size);
  if (bits !== undefined && size / 2 ** bits <= CHUNKS_MAX) return pointing(stored, size, bits);
  return copying(stored, size);
}

interface StoredSegment extends TarSegment {
  readonly tarOffset: number;
}

function withOffsets(segments: readonly TarSegment[], dataOffset: number): StoredSegment[] {
  let tarOffset = dataOffset;
  return segments.map((segment) => {
    const stored = { ...segment, tarOffset };
    tarOffset += segment.length;
    return stored;
  });
}

/** Bits of the smallest chunk that holds so many bytes. */
function bitsFor(size: number): number {
  let bits = BLOCK_BITS;
  while (2 ** bits < size) bits++;
  if (bits > CHUNK_BITS_MAX) throw invalidParameter("a file is larger than 1 TiB");
  return bits;
}

/** Bits of the largest chunk at whose bounds all stretches begin and end; undefined where there is none. */
function alignmentOf(segments: readonly StoredSegment[], size: number): number | undefined {
  let bits = bitsFor(size);
  for (const { offset, length, tarOffset } of segments) {
    if (tarOffset % BLOCK_BYTES !== 0) return undefined;
    const end = offset + length;
    while (bits >= BLOCK_BITS && (offset % 2 ** bits !== 0 || (end !== size && end % 2 ** bits !== 0)))
      bits--;
    if (bits < BLOCK_BITS) return undefined;
  }
  return bits;
}

function pointing(segments: readonly StoredSegment[], size: number, chunkBits: number): ChunkPlan {
  const chunkBytes = 2 ** chunkBits;
  const chunks: Chunk[] = new Array(Math.ceil(size / chunkBytes)).fill(HOLE);
  for (const { offset, length, tarOffset } of segments) {
    for (let done = 0; done < length; done += chunkBytes) {
      chunks[(offset + done) / chunkBytes] = { tarBlock: (tarOffset + done) / BLOCK_BYTES };
    }
  }
  return { chunkBits, chunks };
}

const HOLE: Chunk = {};

function copying(segments: readonly StoredSegment[], size: number): ChunkPlan {
  let chunkBits = 12;
  while (size / 2 ** chunkBits > CHUNKS_MAX) chunkBits++;
  if (chunkBits > CHUNK_BITS_MAX) throw invalidParameter("a sparse file is too large");
  const chunkBytes = 2 ** chunkBits;
  const pieces = new Map<number, Piece[]>();
  for (const { offset, length, tarOffset } of segments) {
    for (let done = 0; done < length; ) {
      const at = (offset + done) % chunkBytes;
      const piece = { tarOffset: tarOffset + done, at, length: Math.min(length - done, chunkBytes - at) };
      const number = Math.floor((offset + done) / chunkBytes);
      pieces.set(number, [...(pieces.get(number) ?? []), piece]);
      done += piece.length;
    }
  }
  const chunks: Chunk[] = new Array(Math.ceil(size / chunkBytes)).fill(HOLE);
  for (const [number, own] of pieces)
    chunks[number] = { copied: { chunkBytes, pieces: own, blockAddress: 0 } };
  return { chunkBits, chunks };
}
