/** Longest time that one turn of a long walk keeps other work waiting. */
const TURN_MS = 2;

/** Lets a long run of synchronous calls give way to other work every few milliseconds. */
export class Turns {
  #ends = performance.now() + TURN_MS;

  /** A promise to wait for where the turn is over; undefined where work may go on. */
  over(): Promise<void> | undefined {
    if (performance.now() < this.#ends) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#ends = performance.now() + TURN_MS;
        resolve();
      }),
    );
  }
}
