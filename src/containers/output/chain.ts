import { closeSync, openSync, readdirSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { log } from "../../lib/index.ts";
import { Bell } from "./bell.ts";
import { Segment } from "./segment.ts";

/** A place in a container's log. */
export interface Position {
  readonly segment: Segment;
  readonly offset: number;
}

export interface LogLimits {
  /** Bytes from which a segment is closed and a new one begun; Infinity for never. */
  readonly maxSize: number;
  /** How many segments are kept, the one that is written included. */
  readonly maxFiles: number;
  /** Bytes kept beyond that for readers who have not read them yet. */
  readonly backlog: number;
}

/** What the chain must know of a reader. */
export interface ChainReader {
  /** The segment it reads now: this one and those behind it are kept for it. */
  readonly segment: Segment;
  /** How far it has come in it. */
  readonly position: Position;
  /** The end of the run has been reached by the writer: nothing after it is this reader's. */
  endAt(position: Position): void;
  /** The backlog is full: the reader lets go of its segment, by ending or by skipping. */
  overrun(): void;
  /** The files are about to be deleted: the reader opens what it still needs. */
  pin(): void;
  close(): void;
}

/**
 * A container's log as a row of files, oldest first: `output.log.4 … output.log.1`, `output.log`. The last one is
 * written by the monitor, all others are final.
 *
 * Only this object renames and deletes them, and always in one go without waiting, so that names and objects agree
 * whenever somebody looks. A segment whose turn to go has come stays for as long as a reader has not passed it.
 */
export class SegmentChain {
  /** Absolute path of the file that the monitor writes. */
  readonly path: string;
  readonly bell = new Bell();
  limits: LogLimits;
  /** Told when a new segment has been begun. */
  onSegment: () => void = () => {};
  /** Told when the first reader came or the last one left. */
  onReaders: () => void = () => {};
  readonly #readers = new Set<ChainReader>();
  readonly #segments: Segment[];
  #heldLive: Segment | undefined;

  private constructor(path: string, limits: LogLimits, segments: Segment[]) {
    this.path = path;
    this.limits = limits;
    this.#segments = segments;
  }

  /** Finds the files that are there, also those that another daemon left in the middle of a rotation. */
  static load(path: string, limits: LogLimits): SegmentChain {
    const byNumber = new Map<number, Segment>();
    for (const entry of readdirSync(dirname(path))) {
      const file = segmentFile(entry, basename(path));
      if (file === undefined) continue;
      const { ino } = statSync(`${dirname(path)}/${entry}`);
      const segment = new Segment(path, file.number, ino, { final: true, compressed: file.compressed });
      // Compressed just before the last daemon died: the original is still whole.
      if (!file.compressed || !byNumber.has(file.number)) byNumber.set(file.number, segment);
    }
    const segments = [...byNumber.values()].sort((a, b) => b.number - a.number);
    return new SegmentChain(path, limits, segments);
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get last(): Segment | undefined {
    return this.#segments.at(-1);
  }

  /** The segment under the name that the monitor writes; absent in the middle of a rotation. */
  get live(): Segment | undefined {
    const last = this.last;
    return last?.number === 0 && !last.replaced ? last : undefined;
  }

  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  hasReader(reader: ChainReader): boolean {
    return this.#readers.has(reader);
  }

  /** Bytes that even the reader who is farthest ahead has yet to read. */
  unread(): number {
    const sizes = new Map<Segment, number>();
    const sizeOf = (segment: Segment) => {
      const known = sizes.get(segment);
      if (known !== undefined) return known;
      const size = segment.isHeld
        ? segment.size()
        : (statSync(segment.path, { throwIfNoEntry: false })?.size ?? 0);
      sizes.set(segment, size);
      return size;
    };
    let least = Number.POSITIVE_INFINITY;
    for (const { position } of this.#readers) {
      const following = this.#segments.slice(this.#segments.indexOf(position.segment));
      const bytes = following.reduce((sum, segment) => sum + sizeOf(segment), 0) - position.offset;
      least = Math.min(least, bytes);
    }
    return least;
  }

  /** From now on, the reader's segment and all behind it are kept. */
  join(reader: ChainReader): void {
    this.#readers.add(reader);
    this.bell.ring();
    if (this.#readers.size === 1) this.onReaders();
  }

  leave(reader: ChainReader): void {
    if (!this.#readers.delete(reader)) return;
    this.trim();
    this.bell.ring();
    if (this.#readers.size === 0) this.onReaders();
  }

  /** The files are about to be deleted by somebody else. */
  pin(): void {
    for (const reader of this.#readers) reader.pin();
  }

  /** Lets go of all files. */
  close(): void {
    for (const reader of [...this.#readers]) reader.close();
    this.#holdLive(undefined);
  }

  /** Deletes all files. Readers go on to their end. */
  clear(): void {
    this.pin();
    for (const segment of this.#segments.splice(0)) rmSync(segment.path, { force: true });
  }

  /** Makes the file that the monitor will append to, so that there is a position to wait at. */
  ensureLive(): Segment {
    if (this.live === undefined) {
      closeSync(openSync(this.path, "a", 0o600));
      this.adoptLive();
    }
    return this.live!;
  }

  /** A monitor writes, or is about to write, to the last segment. */
  open(): void {
    const last = this.last ?? this.ensureLive();
    last.final = false;
    if (this.#heldLive !== last) this.#holdLive(last);
  }

  /**
   * Takes notice of a file that the monitor has begun. Its predecessor is final then: the monitor closes the old file
   * before it puts the new one in place.
   * @returns What is at the path now; `undefined` where there is nothing.
   */
  adoptLive(): Stats | undefined {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    if (stat === undefined || stat.ino === this.live?.inode) return stat;
    const segment = new Segment(this.path, 0, stat.ino, { final: false });
    segment.hold();
    this.#retire(this.last);
    this.#segments.push(segment);
    this.#holdLive(segment);
    segment.release();
    this.trim();
    this.bell.ring();
    this.onSegment();
    return stat;
  }

  #retire(previous: Segment | undefined): void {
    if (previous === undefined) return;
    previous.final = true;
    if (previous.number > 0) return;
    // The monitor was told twice and has put another file in its place.
    previous.replaced = true;
    if (!this.#isNeeded(previous)) this.#segments.pop();
  }

  /**
   * The live file is held open, so that its number is not given to another file: a monitor that was told twice replaces
   * the file that it has just begun.
   */
  #holdLive(segment: Segment | undefined): void {
    segment?.hold();
    this.#heldLive?.release();
    this.#heldLive = segment;
  }

  /** Moves the segment that is being written out of the name's way; the monitor still writes to it until it is told. */
  rotate(): void {
    const last = this.live;
    if (last === undefined) return;
    this.#shift(last);
  }

  /** Gives each segment the next number, from the oldest that is in the way of another one. */
  #shift(last: Segment): void {
    const byNumber = new Map(this.#segments.filter((s) => !s.replaced).map((s) => [s.number, s]));
    const moves: Segment[] = [];
    for (let next: Segment | undefined = last; next !== undefined; next = byNumber.get(next.number + 1)) {
      moves.push(next);
    }
    for (const segment of moves.reverse()) move(segment, segment.number + 1);
  }

  /** Deletes what is too old and not needed: after each rotation, and when a reader goes on. */
  trim(): void {
    while (this.#segments.length > this.limits.maxFiles) {
      const oldest = this.#segments[0]!;
      if (this.#isNeeded(oldest)) {
        if (this.#backlog() <= this.limits.backlog) return;
        this.#overrun(oldest);
        if (this.#segments[0] !== oldest) continue;
      }
      this.#segments.shift();
      rmSync(oldest.path, { force: true });
    }
  }

  /** The end of a run: the monitor is gone and has written all. */
  end(): void {
    this.adoptLive();
    const last = this.last;
    if (last === undefined) return;
    // The monitor ended before it took notice of a rotation: its last lines come back to where they belong.
    if (last.number > 0) move(last, 0);
    last.final = true;
    last.hold();
    try {
      for (const reader of [...this.#readers]) reader.endAt({ segment: last, offset: last.size() });
    } finally {
      last.release();
    }
    this.#holdLive(undefined);
    this.bell.ring();
  }

  /** A reader is at this segment or has yet to come to it. */
  isAwaited(segment: Segment): boolean {
    const index = this.#segments.indexOf(segment);
    for (const reader of this.#readers) if (this.#segments.indexOf(reader.segment) <= index) return true;
    return false;
  }

  /** A reader has yet to come to this place. */
  isAwaitedBefore({ segment, offset }: Position): boolean {
    const index = this.#segments.indexOf(segment);
    for (const { position } of this.#readers) {
      const at = this.#segments.indexOf(position.segment);
      if (at < index || (at === index && position.offset < offset)) return true;
    }
    return false;
  }

  #isNeeded(segment: Segment): boolean {
    for (const reader of this.#readers) if (reader.segment === segment) return true;
    return false;
  }

  /** Bytes of the segments that are kept for readers only. */
  #backlog(): number {
    let bytes = 0;
    for (const segment of this.#segments.slice(0, -this.limits.maxFiles)) {
      bytes += statSync(segment.path, { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }

  #overrun(oldest: Segment): void {
    log.warn("a reader of a container's output is too slow and loses what was kept for it", {
      path: this.path,
    });
    for (const reader of [...this.#readers]) if (reader.segment === oldest) reader.overrun();
  }
}

function move(segment: Segment, number: number): void {
  const from = segment.path;
  segment.number = number;
  renameSync(from, segment.path);
}

/** Number and kind of `output.log`, `output.log.3`, `output.log.3.gz`. */
function segmentFile(entry: string, log: string): { number: number; compressed: boolean } | undefined {
  if (entry === log) return { number: 0, compressed: false };
  if (!entry.startsWith(`${log}.`)) return undefined;
  const match = /^([1-9]\d{0,5})(\.gz)?$/.exec(entry.slice(log.length + 1));
  return match === null ? undefined : { number: Number(match[1]), compressed: match[2] !== undefined };
}
