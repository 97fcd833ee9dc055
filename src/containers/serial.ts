/**
 * Runs one container's operations one after the other, in the order of the calls; those of different
 * containers side by side. A key that nobody uses costs nothing.
 */
export class SerialQueues {
  readonly #tails = new Map<string, Promise<void>>();

  /** Resolves when it is this caller's turn, which lasts until the turn is disposed of. */
  async turn(key: string): Promise<Disposable> {
    let done!: () => void;
    const held = new Promise<void>((resolve) => {
      done = resolve;
    });
    return new Promise((resolve) => {
      void this.run(key, () => {
        resolve({ [Symbol.dispose]: done });
        return held;
      });
    });
  }

  /** Runs `work` when everything that was asked for `key` before has ended, however it ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    let done!: () => void;
    const tail = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#tails.set(key, tail);
    try {
      if (before !== undefined) await before;
      return await work();
    } finally {
      done();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  /** Resolves when nothing is under way for any key. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }

  get size(): number {
    return this.#tails.size;
  }
}
