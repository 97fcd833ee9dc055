import { statSync } from "node:fs";
import type { Position, SegmentChain } from "./chain.ts";
import { endOfRecord, endsLine, isRecord, streamOf } from "./record.ts";
import { type Instant, isBefore, RecordClock } from "./record-time.ts";
import type { Segment } from "./segment.ts";
import type { WantedStreams } from "./unwrap.ts";

const NEWLINE = 0x0a;
const BLOCK = 256 * 1024;

/** The end of what has been written so far: not in the middle of a record whose other half comes a moment later. */
export function endOf(chain: SegmentChain): Position {
  // The monitor may have begun a new file that nobody has looked at yet.
  chain.adoptLive();
  const segment = chain.last ?? chain.ensureLive();
  segment.hold();
  try {
    const size = segment.size();
    return { segment, offset: segment.final ? size : endOfWholeRecords(segment, size) };
  } finally {
    segment.release();
  }
}

function endOfWholeRecords(segment: Segment, size: number): number {
  for (let end = size; end > 0; ) {
    const buffer = Buffer.allocUnsafe(Math.min(end, 16 * 1024));
    const count = segment.readNow(buffer, end - buffer.length);
    const newline = buffer.subarray(0, count).lastIndexOf(NEWLINE);
    if (newline >= 0) return end - buffer.length + newline + 1;
    end -= buffer.length;
  }
  return 0;
}

/**
 * The oldest line that is kept. Segments can be larger than their limit by what was written while the daemon was away, and
 * more of them can be there for slow readers: neither makes the log longer than its options say.
 */
export function beginningOf(chain: SegmentChain): Position | undefined {
  const kept = chain.segments.slice(-chain.limits.maxFiles);
  const { maxSize, maxFiles } = chain.limits;
  let room = maxSize * maxFiles;
  for (const segment of kept.toReversed()) {
    const size = sizeOf(segment);
    if (size > room) return { segment, offset: segment.compressed ? 0 : nextRecord(segment, size - room) };
    room -= size;
  }
  return kept[0] === undefined ? undefined : { segment: kept[0], offset: 0 };
}

function sizeOf(segment: Segment): number {
  segment.hold();
  try {
    return segment.size();
  } finally {
    segment.release();
  }
}

/** The first record that begins at or behind an offset greater than 0. */
function nextRecord(segment: Segment, offset: number): number {
  segment.hold();
  try {
    const buffer = Buffer.allocUnsafe(64 * 1024);
    for (let at = offset - 1; ; at += buffer.length) {
      const count = segment.readNow(buffer, at);
      const newline = buffer.subarray(0, count).indexOf(NEWLINE);
      if (newline >= 0) return at + newline + 1;
      if (count < buffer.length) return at + count;
    }
  } finally {
    segment.release();
  }
}

/** Skips segments that were written last before `since`, so that their records need not be looked at. */
export function skipTo(chain: SegmentChain, from: Position, since: Instant): Position {
  const { segments } = chain;
  let index = segments.indexOf(from.segment);
  while (index < segments.length - 1 && isBefore(writtenLast(segments[index]!), since)) index++;
  const segment = segments[index]!;
  return segment === from.segment ? from : { segment, offset: 0 };
}

/** The kernel's times of files lag behind the clock by some milliseconds. */
function writtenLast(segment: Segment): Instant {
  const milliseconds = statSync(segment.path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return { seconds: Math.floor(milliseconds / 1000) + 1, nanoseconds: 0 };
}

export interface TailOptions {
  readonly lines: number;
  readonly wanted: WantedStreams;
  /** Lines that were begun later don't count. */
  readonly until?: Instant;
}

/**
 * Where the last lines begin, found by reading backwards from `to`, and not beyond `from`. A line that has no end yet
 * counts as one.
 */
export async function tailOf(
  chain: SegmentChain,
  from: Position,
  to: Position,
  options: TailOptions,
): Promise<Position> {
  if (options.lines <= 0) return to;
  const { segments } = chain;
  const counter = new LineCounter(options);
  const row = segments.slice(segments.indexOf(from.segment), segments.indexOf(to.segment) + 1);
  for (const segment of row.toReversed()) {
    const low = segment === from.segment ? from.offset : 0;
    const high = segment === to.segment ? to.offset : sizeOf(segment);
    const offset = await tailWithin(segment, low, high, counter);
    if (counter.full) return { segment, offset };
  }
  return from;
}

async function tailWithin(
  segment: Segment,
  low: number,
  high: number,
  counter: LineCounter,
): Promise<number> {
  segment.hold();
  try {
    let size = BLOCK;
    for (let end = high; end > low; ) {
      const begin = Math.max(low, end - size);
      const buffer = Buffer.allocUnsafeSlow(end - begin);
      const count = await segment.read(buffer, begin);
      const bytes = buffer.subarray(0, count);
      // All but a first record that is cut; where that is all there is, look further back.
      const first = begin === low ? 0 : bytes.indexOf(NEWLINE) + 1;
      if (first === bytes.length || (begin > low && first === 0)) {
        size *= 2;
        continue;
      }
      const found = counter.countBack(bytes, first);
      if (counter.full) return begin + found;
      end = begin + first;
    }
    return low;
  } finally {
    segment.release();
  }
}

/** Counts lines from the last one on. */
class LineCounter {
  readonly #options: TailOptions;
  readonly #clock = new RecordClock();
  #left: number;
  /** By stream: records of it belong to a line that is counted already. */
  readonly #counted = [false, false, false];
  full = false;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#left = options.lines;
  }

  /** Goes back over whole records from the end of `bytes` to `first`. @returns Where the first wanted record begins. */
  countBack(bytes: Buffer, first: number): number {
    let end = bytes.length;
    while (end > first) {
      // A negative offset would mean one from the end.
      const begin = end < 2 ? first : Math.max(first, bytes.lastIndexOf(NEWLINE, end - 2) + 1);
      if (isRecord(bytes, begin, endOfRecord(bytes, begin)) && this.#isOneTooMany(bytes, begin)) return end;
      end = begin;
    }
    return first;
  }

  #isOneTooMany(bytes: Buffer, at: number): boolean {
    const stream = streamOf(bytes, at);
    const { wanted, until } = this.#options;
    if (!(stream === 1 ? wanted.stdout : wanted.stderr)) return false;
    if (until !== undefined) {
      this.#clock.read(bytes, at);
      if (isBefore(until, this.#clock)) return false;
    }
    if (this.#counted[stream] && !endsLine(bytes, at)) return false;
    this.#counted[stream] = true;
    this.full = this.#left-- === 0;
    return this.full;
  }
}
