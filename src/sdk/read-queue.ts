/** Bytes that may wait to be read before the peer is held back. */
const HIGH_WATER_BYTES = 1 << 20;

/** What arrives and has not been read yet, with its bound: the source is paused above it. */
export class ReadQueue {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #paused = false;
  readonly #hold: (paused: boolean) => void;

  /** @param hold called with true when the source shall pause, with false when it may go on. */
  constructor(hold: (paused: boolean) => void) {
    this.#hold = hold;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#failure !== undefined) return;
    if (this.#waiting !== undefined) {
      this.#settle((waiting) => waiting.resolve(chunk));
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true;
      this.#hold(true);
    }
  }

  end(): void {
    this.#ended = true;
    this.#settle((waiting) => waiting.resolve(undefined));
  }

  /** What was received before the failure can still be read. */
  fail(reason: unknown): void {
    if (this.#failure !== undefined || this.#ended) return;
    this.#failure = { reason };
    this.#settle((waiting) => waiting.reject(reason));
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#bytes -= chunk.length;
      if (this.#paused && this.#bytes < HIGH_WATER_BYTES / 2) {
        this.#paused = false;
        this.#hold(false);
      }
      return Promise.resolve(chunk);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    if (this.#ended) return Promise.resolve(undefined);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  #settle(how: (waiting: PromiseWithResolvers<Uint8Array | undefined>) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) how(waiting);
  }
}
