import type { OutputChunk } from "../lib/index.ts";

/** Bytes thrown away at a stretch, and the rest afterwards: at most some 200 MB/s, a tenth of a core. */
const DISCARD_BYTES = 1 << 20;
const DISCARD_REST_MS = 5;

/**
 * An exec'd process's output for the client that is attached to it. Where the client goes before the process ends, the rest is
 * read and thrown away, so that the process goes on as if somebody listened, and nothing piles up (CVE-2022-31030).
 */
export class ExecOutput implements AsyncIterableIterator<OutputChunk> {
  readonly #source: AsyncIterator<OutputChunk>;
  /** Resolves when the process has ended and its exit code is known to `inspect`. */
  readonly #ended: Promise<void>;
  #done = false;
  /** The client that waits for a chunk. */
  #waiting: ((result: IteratorResult<OutputChunk, undefined>) => void) | undefined;
  readonly #onEnd: () => void;
  readonly #onExhausted: () => void;

  /**
   * @param onEnd Called once, when nothing more will be given to the client.
   * @param onExhausted Called once, when the process has ended and all its output was read.
   */
  constructor(
    source: AsyncIterable<OutputChunk>,
    ended: Promise<void>,
    onEnd: () => void,
    onExhausted: () => void,
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#ended = ended;
    this.#onEnd = onEnd;
    this.#onExhausted = onExhausted;
  }

  /** One at a time. */
  next(): Promise<IteratorResult<OutputChunk, undefined>> {
    if (this.#done) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
      void this.#pull();
    });
  }

  /** The client is gone, or has detached. */
  return(): Promise<IteratorReturnResult<undefined>> {
    if (!this.#done) {
      this.#finish();
      void this.#discard();
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #pull(): Promise<void> {
    const result = await this.#next();
    if (this.#done) return;
    if (result.done) {
      await this.#ended;
      // Else whoever throws the rest away says so.
      if (this.#done) return;
      this.#finish();
      this.#onExhausted();
    } else {
      this.#give(result);
    }
  }

  /** A source that fails has ended. */
  async #next(): Promise<IteratorResult<OutputChunk, undefined>> {
    try {
      return await this.#source.next();
    } catch {
      return { done: true, value: undefined };
    }
  }

  #give(result: IteratorResult<OutputChunk, undefined>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(result);
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#give({ done: true, value: undefined });
    this.#onEnd();
  }

  async #discard(): Promise<void> {
    for (let bytes = 0; ; ) {
      const { done, value } = await this.#next();
      if (done) break;
      bytes += value.bytes.length;
      if (bytes < DISCARD_BYTES) continue;
      bytes = 0;
      await Bun.sleep(DISCARD_REST_MS);
    }
    await this.#ended;
    this.#onExhausted();
  }
}
