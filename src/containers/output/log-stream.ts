import type { OutputChunk } from "../../lib/index.ts";
import type { SegmentReader } from "./reader.ts";

/** Turns blocks of records into what a client gets. `finished`: nothing that follows is wanted. */
export interface Transform {
  chunks(block: Buffer): OutputChunk[];
  readonly finished: boolean;
}

/**
 * A reader's output for a client. It holds nothing beyond one block, so a slow client slows down nobody but itself.
 * Aborting, `return`, and the end all let go of the reader.
 */
export class LogStream implements AsyncIterableIterator<OutputChunk> {
  readonly #reader: SegmentReader;
  readonly #transform: Transform;
  readonly #signal: AbortSignal;
  readonly #abort = () => void this.return();
  readonly #taken = Promise.withResolvers<void>();
  #ready: OutputChunk[] = [];
  #next = 0;
  /** Called once, when nothing more will come. */
  onEnd: () => void = () => {};

  constructor(reader: SegmentReader, transform: Transform, signal: AbortSignal) {
    this.#reader = reader;
    this.#transform = transform;
    this.#signal = signal;
    if (signal.aborted) void this.return();
    else signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Resolves when all was taken, or nobody wants the rest. */
  get taken(): Promise<void> {
    return this.#taken.promise;
  }

  async next(): Promise<IteratorResult<OutputChunk, undefined>> {
    while (this.#next >= this.#ready.length) {
      const block = this.#transform.finished ? undefined : await this.#read();
      if (block === undefined) return this.return();
      this.#ready = this.#transform.chunks(block);
      this.#next = 0;
    }
    return { done: false, value: this.#ready[this.#next++]! };
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.#reader.close();
    this.#ready = [];
    this.#signal.removeEventListener("abort", this.#abort);
    const { onEnd } = this;
    this.onEnd = () => {};
    onEnd();
    this.#taken.resolve();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #read(): Promise<Buffer | undefined> {
    try {
      return await this.#reader.next();
    } catch (error) {
      await this.return();
      throw error;
    }
  }
}
