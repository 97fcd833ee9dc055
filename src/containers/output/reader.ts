import type { ChainReader, Position, SegmentChain } from "./chain.ts";
import { wholeRecords } from "./record.ts";
import { holdIfThere, type Segment } from "./segment.ts";

/** Bytes read at once: big enough that the cost of a call does not count, small enough for many readers. */
const BLOCK = 256 * 1024;
/** A record that is longer than this is none: the file is damaged. The monitor writes at most some 8 KiB a record. */
const LONGEST_RECORD = 4 * 1024 * 1024;

export interface ReaderOptions {
  readonly from: Position;
  /** Where to end; absent: go on until the run ends. */
  readonly to?: Position;
  /** Too slow: `end` the reading, or `skip` what could not be kept. */
  readonly whenOverrun: "end" | "skip";
}

/**
 * Reads a log from a position on, over rotations, as blocks of whole records. One `next` at a time.
 *
 * It is registered with the chain from the moment it is made until `close`, and so keeps what it has yet to read.
 */
export class SegmentReader implements ChainReader {
  readonly #chain: SegmentChain;
  readonly #whenOverrun: "end" | "skip";
  #segment: Segment;
  #offset: number;
  #end: Position | undefined;
  /** Held since their files are deleted: all that is left to read behind the current one. */
  #pinned: Segment[] | undefined;
  #closed = false;

  constructor(chain: SegmentChain, options: ReaderOptions) {
    this.#chain = chain;
    this.#whenOverrun = options.whenOverrun;
    this.#segment = options.from.segment;
    this.#offset = options.from.offset;
    this.#end = options.to;
    this.#segment.hold();
    chain.join(this);
  }

  get segment(): Segment {
    return this.#segment;
  }

  /** Where the next block begins. */
  get position(): Position {
    return { segment: this.#segment, offset: this.#offset };
  }

  /** Where it will end, as far as that is known. */
  get end(): Position | undefined {
    return this.#end;
  }

  endAt(position: Position): void {
    this.#end ??= position;
  }

  /** Bytes of whole records, which the caller may overwrite; `undefined` after the last one and after `close`. */
  async next(): Promise<Buffer | undefined> {
    while (!this.#closed) {
      const { bell } = this.#chain;
      const heard = bell.count;
      const segment = this.#segment;
      const isFinal = segment.final;
      const atEnd = this.#end?.segment === segment;
      const limit = atEnd ? this.#end!.offset : segment.size();
      const block = limit > this.#offset ? await this.#read(segment, limit, isFinal || atEnd) : undefined;
      // An overrun while the block was being read has moved this reader: it is the next segment's turn.
      if (this.#closed) break;
      if (segment !== this.#segment) continue;
      if (block !== undefined) {
        this.#offset += block.length;
        return block;
      }
      if (atEnd) break;
      if (!isFinal) await bell.after(heard);
      else if (!this.#advance()) break;
    }
    this.close();
    return undefined;
  }

  /** Idempotent; a `next` that waits returns. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const segment of this.#pinned?.splice(0) ?? []) segment.release();
    this.#segment.release();
    this.#chain.leave(this);
  }

  overrun(): void {
    if (this.#whenOverrun === "end") this.close();
    else this.#advance();
  }

  pin(): void {
    this.#pinned ??= this.#following().filter(holdIfThere);
  }

  /** Whole records from the current place on; `undefined` where there is no whole one yet. */
  async #read(segment: Segment, limit: number, complete: boolean): Promise<Buffer | undefined> {
    const offset = this.#offset;
    for (let size = BLOCK; ; size *= 4) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(size, limit - offset));
      const count = await this.#readInto(segment, buffer, offset);
      const bytes = buffer.subarray(0, count);
      const whole = wholeRecords(bytes);
      if (whole > 0) return bytes.subarray(0, whole);
      if (offset + count >= limit || size >= LONGEST_RECORD) return complete && count > 0 ? bytes : undefined;
    }
  }

  /** Holds the file meanwhile, so that a `close` does not close it under the call. */
  async #readInto(segment: Segment, buffer: Buffer, offset: number): Promise<number> {
    segment.hold();
    try {
      return await segment.read(buffer, offset);
    } finally {
      segment.release();
    }
  }

  /** Goes to the next segment that can be opened. */
  #advance(): boolean {
    for (const next of this.#following()) {
      if (!holdIfThere(next)) continue;
      this.#segment.release();
      this.#segment = next;
      this.#offset = 0;
      this.#pinned?.shift()?.release();
      this.#chain.trim();
      return true;
    }
    return false;
  }

  #following(): readonly Segment[] {
    if (this.#pinned !== undefined) return [...this.#pinned];
    const { segments } = this.#chain;
    return segments.slice(segments.indexOf(this.#segment) + 1);
  }
}
