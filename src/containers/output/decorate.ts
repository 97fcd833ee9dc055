import { type OutputChunk, type OutputStream, STDOUT } from "../../lib/index.ts";
import { endOfRecord, endsLine, findRecord, HEADER_LENGTH, isRecord, streamOf } from "./record.ts";
import { type Instant, isBefore, RecordClock } from "./record-time.ts";
import type { WantedStreams } from "./unwrap.ts";

export interface Decoration {
  readonly timestamps: boolean;
  /** What stands before each line, with its space: `label=value `; empty for nothing. */
  readonly details: Buffer;
  /** Lines of before are left out. */
  readonly since?: Instant;
  /** The first record of after ends the output. */
  readonly until?: Instant;
}

/** Room for a time as Docker prints it. */
const STAMP_LENGTH = 31;

/**
 * Takes the bytes out of the records as `unwrap` does, and puts time and details before each line, as
 * `docker logs --timestamps --details` prints them. A line of several records gets them once, before the first.
 */
export class Decorator {
  readonly #wanted: WantedStreams;
  readonly #options: Decoration;
  readonly #clock = new RecordClock();
  /** By stream: a line was begun and not ended; its rest needs no decoration. */
  readonly #open = [false, false, false];
  #chunks: OutputChunk[] = [];
  #out = Buffer.alloc(0);
  #begin = 0;
  #end = 0;
  #stream: OutputStream = STDOUT;
  /** A record later than `until` was seen. */
  finished = false;

  constructor(wanted: WantedStreams, options: Decoration) {
    this.#wanted = wanted;
    this.#options = options;
  }

  /** @param block Whole records; is left as it is. */
  chunks(block: Buffer): OutputChunk[] {
    this.#chunks = [];
    this.#out = Buffer.alloc(0);
    this.#begin = this.#end = 0;
    for (let read = 0; read < block.length && !this.finished; ) {
      const newline = endOfRecord(block, read);
      const at = isRecord(block, read, newline) ? read : findRecord(block, read, newline);
      if (at >= 0) this.#record(block, at, newline);
      read = newline + 1;
    }
    this.#cut();
    return this.#chunks;
  }

  #record(block: Buffer, at: number, newline: number): void {
    const stream = streamOf(block, at);
    if (!(stream === STDOUT ? this.#wanted.stdout : this.#wanted.stderr)) return;
    this.#clock.read(block, at);
    const { since, until } = this.#options;
    if (until !== undefined && isBefore(until, this.#clock)) {
      this.finished = true;
      return;
    }
    if (since !== undefined && isBefore(this.#clock, since)) return;
    const ends = endsLine(block, at);
    const to = ends ? Math.min(newline + 1, block.length) : newline;
    this.#reserve(STAMP_LENGTH + this.#options.details.length + to - at, block.length);
    if (stream !== this.#stream) this.#cut();
    this.#stream = stream;
    if (!this.#open[stream]) this.#decorate(block, at);
    this.#end += block.copy(this.#out, this.#end, at + HEADER_LENGTH, to);
    this.#open[stream] = !ends;
  }

  #decorate(block: Buffer, at: number): void {
    if (this.#options.timestamps) this.#end = this.#clock.write(block, at, this.#out, this.#end);
    this.#end += this.#options.details.copy(this.#out, this.#end);
  }

  /** What was written since the last cut becomes a chunk. */
  #cut(): void {
    if (this.#end > this.#begin) {
      this.#chunks.push({ stream: this.#stream, bytes: this.#out.subarray(this.#begin, this.#end) });
    }
    this.#begin = this.#end;
  }

  #reserve(bytes: number, usual: number): void {
    if (this.#end + bytes <= this.#out.length) return;
    this.#cut();
    this.#out = Buffer.allocUnsafe(Math.max(bytes, usual));
    this.#begin = this.#end = 0;
  }
}
