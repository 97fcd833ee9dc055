/**
 * Wakes those who wait for more. A reader notes the count before it looks for data, and waits from that count on: a ring
 * between the look and the wait is not missed.
 */
export class Bell {
  #count = 0;
  #waiting = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  ring(): void {
    this.#count++;
    if (this.#waiting.size === 0) return;
    const woken = this.#waiting;
    this.#waiting = new Set();
    for (const wake of woken) wake();
  }

  /** Resolves at once where it rang since `count` was noted, else with the next ring. */
  after(count: number): Promise<void> {
    if (count !== this.#count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }
}
