/** How long nothing must happen before memory is given back, and how often to look. */
const QUIET_MS = 4_000;

/**
 * Collects garbage, and gives free pages back to the system, once after each time that the daemon was busy. Without
 * it an idle daemon keeps the memory of its busiest moment, since nothing allocates and so nothing collects.
 */
export class IdleMemory implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Something happens: the next collection waits until it is over. */
  readonly touch = (): void => {
    if (this.#timer !== undefined) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#collect(), QUIET_MS).unref();
  };

  #collect(): void {
    this.#timer = undefined;
    Bun.gc(true);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
