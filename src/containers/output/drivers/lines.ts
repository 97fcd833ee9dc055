import { newId, type OutputStream, STDERR, STDOUT } from "../../../lib/index.ts";
import { endOfRecord, endsLine, findRecord, HEADER_LENGTH, isRecord, streamOf } from "../record.ts";
import { type Instant, RecordClock } from "../record-time.ts";
import type { LogLine } from "./sink.ts";

/** Docker cuts longer lines into parts of this size. */
const LONGEST_PART = 16 * 1024;

/** A line that has begun and not ended, as it is kept over a daemon's restart. */
export interface OpenLine {
  readonly stream: OutputStream;
  readonly time: Instant;
  /** Base64. */
  readonly text: string;
  readonly partId?: string;
  readonly ordinal: number;
}

interface Pending {
  time: Instant;
  pieces: Buffer[];
  length: number;
  /** Of a line in parts: what its parts have in common. */
  partId: string | undefined;
  ordinal: number;
}

/** Makes lines of records: a monitor's record may be a part of a line, and the two streams come mixed. */
export class LineAssembler {
  readonly #clock = new RecordClock();
  readonly #pending = new Map<OutputStream, Pending>();
  #lines: LogLine[] = [];

  constructor(open: readonly OpenLine[] = []) {
    for (const { stream, time, text, partId, ordinal } of open) {
      const bytes = Buffer.from(text, "base64");
      this.#pending.set(stream, { time, pieces: [bytes], length: bytes.length, partId, ordinal });
    }
  }

  /** @param block Whole records; the lines may be parts of it. */
  lines(block: Buffer): LogLine[] {
    this.#lines = [];
    for (let read = 0; read < block.length; ) {
      const newline = endOfRecord(block, read);
      const at = isRecord(block, read, newline) ? read : findRecord(block, read, newline);
      if (at >= 0) this.#record(block, at, newline);
      read = newline + 1;
    }
    return this.#lines;
  }

  /** The lines that were never ended: the process is gone. */
  rest(): LogLine[] {
    this.#lines = [];
    for (const stream of [STDOUT, STDERR] as const) this.#finish(stream);
    return this.#lines;
  }

  open(): OpenLine[] {
    return [...this.#pending].map(([stream, { time, pieces, partId, ordinal }]) => ({
      stream,
      time,
      text: Buffer.concat(pieces).toString("base64"),
      partId,
      ordinal,
    }));
  }

  #record(block: Buffer, at: number, newline: number): void {
    const stream = streamOf(block, at);
    let text = block.subarray(at + HEADER_LENGTH, newline);
    const pending = this.#pending.get(stream) ?? this.#begin(stream, block, at);
    while (pending.length + text.length > LONGEST_PART) {
      const room = LONGEST_PART - pending.length;
      this.#add(pending, text.subarray(0, room));
      text = text.subarray(room);
      this.#cut(stream, pending);
    }
    this.#add(pending, text);
    if (endsLine(block, at)) this.#finish(stream);
  }

  #begin(stream: OutputStream, block: Buffer, at: number): Pending {
    this.#clock.read(block, at);
    const { seconds, nanoseconds } = this.#clock;
    const pending: Pending = {
      time: { seconds, nanoseconds },
      pieces: [],
      length: 0,
      partId: undefined,
      ordinal: 1,
    };
    this.#pending.set(stream, pending);
    return pending;
  }

  #add(pending: Pending, text: Buffer): void {
    if (text.length > 0) pending.pieces.push(text);
    pending.length += text.length;
  }

  /** What has been collected becomes a part of the line. */
  #cut(stream: OutputStream, pending: Pending): void {
    pending.partId ??= newId();
    this.#push(stream, pending, false);
    pending.ordinal++;
    pending.pieces = [];
    pending.length = 0;
  }

  #finish(stream: OutputStream): void {
    const pending = this.#pending.get(stream);
    if (pending === undefined) return;
    this.#pending.delete(stream);
    this.#push(stream, pending, true);
  }

  #push(stream: OutputStream, { time, pieces, partId, ordinal }: Pending, last: boolean): void {
    const text = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    const partial = partId === undefined ? undefined : { id: partId, ordinal, last };
    this.#lines.push({ stream, time, text, partial });
  }
}
