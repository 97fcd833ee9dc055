/** How long nothing more may happen until a batch is complete. */
const QUIET_MS = 100;
/** After this it is taken as it is: somebody writes without end. */
const LONGEST_MS = 500;

/**
 * At least so long after the last event: Bun's `fs.watch` tells of a name once in about a millisecond, and what it did not
 * tell of must have happened before somebody looks.
 */
const SETTLE_MS = 20;

/** Gathers what happens into batches, and gives the word for one at a time. */
export class Batches implements Disposable {
  readonly #handle: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since: number | undefined;
  #handling: Promise<void> | undefined;
  #closed = false;

  /** @param handle takes what has gathered; it is not called again before it is done. It does not fail. */
  constructor(handle: () => Promise<void>) {
    this.#handle = handle;
  }

  /** Something has happened. */
  touch(): void {
    if (this.#closed) return;
    const now = performance.now();
    this.#since ??= now;
    clearTimeout(this.#timer);
    const left = Math.max(SETTLE_MS, Math.min(QUIET_MS, this.#since + LONGEST_MS - now));
    this.#timer = setTimeout(() => this.#complete(), left);
  }

  /** Resolves when what is being done has been done. */
  async settled(): Promise<void> {
    await this.#handling;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #complete(): void {
    this.#timer = undefined;
    // What comes meanwhile waits, and is one batch then.
    if (this.#handling !== undefined) return;
    this.#since = undefined;
    this.#handling = this.#handle().finally(() => {
      this.#handling = undefined;
      if (this.#since !== undefined && this.#timer === undefined) this.touch();
    });
  }
}
