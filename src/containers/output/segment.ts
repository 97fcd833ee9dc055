import { closeSync, constants, fstatSync, openSync, read, readSync } from "node:fs";
import { inflate } from "./compress.ts";

/** Whatever lies in the log's place, opening it never waits. */
const READING = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * One file of a container's log. It is known by this object, not by its name, which changes when the log is rotated; who
 * reads it holds it, and can then read it to its end even after its name is gone.
 */
export class Segment {
  /** Path of the log that this is a segment of. */
  readonly log: string;
  /** 0 for the one that is written, which has no number in its name; rotation changes it. */
  number: number;
  /** The file is a gzip of what was written. Only while nobody holds it does this change. */
  compressed: boolean;
  /** The file's number: tells whether the name has come to mean another file. */
  readonly inode: number;
  /** Its name has been given to another file: who holds it can read it, nobody else. */
  replaced = false;
  #fd: number | undefined;
  /** What was compressed, for as long as it is held. */
  #inflated: Promise<number> | undefined;
  #holders = 0;
  #final = false;
  /** Size of a file that is final, so that sums need no system call. */
  #finalSize: number | undefined;

  constructor(log: string, number: number, inode: number, state: { final: boolean; compressed?: boolean }) {
    this.log = log;
    this.number = number;
    this.inode = inode;
    this.#final = state.final;
    this.compressed = state.compressed ?? false;
  }

  get path(): string {
    if (this.replaced) return `${this.log}.replaced`;
    return `${this.log}${this.number === 0 ? "" : `.${this.number}`}${this.compressed ? ".gz" : ""}`;
  }

  /** Nothing is written to it any more (the newest one is written to again when the container is started again). */
  get final(): boolean {
    return this.#final;
  }

  set final(value: boolean) {
    this.#final = value;
    this.#finalSize = undefined;
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  /** Opens it for the first holder. @throws where the file is gone */
  hold(): void {
    this.#fd ??= openSync(this.path, READING);
    this.#holders++;
  }

  release(): void {
    if (this.#holders === 0 || --this.#holders > 0 || this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    this.#inflated?.then(closeSync, () => {});
    this.#inflated = undefined;
  }

  /** Bytes of log now. Held only. */
  size(): number {
    if (this.#finalSize !== undefined) return this.#finalSize;
    const fd = this.#descriptor();
    const size = this.compressed ? sizeInGzip(fd) : fstatSync(fd).size;
    if (this.#final) this.#finalSize = size;
    return size;
  }

  /** Reads into the whole buffer or up to the end of the file. Held only. @returns Bytes read. */
  async read(buffer: Buffer, position: number): Promise<number> {
    const fd = this.compressed ? await this.#inflate() : this.#descriptor();
    return new Promise((resolve, reject) =>
      read(fd, buffer, 0, buffer.length, position, (error, count) =>
        error ? reject(error) : resolve(count),
      ),
    );
  }

  /** For a few bytes that were just written and are in memory, of a file that is not compressed. */
  readNow(buffer: Buffer, position: number): number {
    return readSync(this.#descriptor(), buffer, 0, buffer.length, position);
  }

  #inflate(): Promise<number> {
    this.#inflated ??= inflate(this.#descriptor(), `${this.log}.inflated`);
    return this.#inflated;
  }

  #descriptor(): number {
    if (this.#fd === undefined) throw new Error(`log segment ${this.path} is read without being held`);
    return this.#fd;
  }
}

/** RFC 1952: the last four bytes are the size of what was compressed. */
function sizeInGzip(fd: number): number {
  const size = Buffer.alloc(4);
  readSync(fd, size, 0, 4, Math.max(0, fstatSync(fd).size - 4));
  return size.readUInt32LE(0);
}

/** Holds a segment. False where somebody else has deleted its file. */
export function holdIfThere(segment: Segment): boolean {
  try {
    segment.hold();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
