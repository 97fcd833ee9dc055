import { log, messageOf } from "../lib/index.ts";

/**
 * Undo written next to do. Steps are undone in reverse order; one that fails is told to the log and does not
 * keep the others from being undone, nor hides the failure that made the undo necessary.
 */
export class Undo {
  readonly #steps: { what: string; undo: () => unknown }[] = [];

  add(what: string, undo: () => unknown): void {
    this.#steps.push({ what, undo });
  }

  /** What was done stays done. */
  keep(): void {
    this.#steps.length = 0;
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        log.error(`cannot undo: ${step.what}`, { error: messageOf(error) });
      }
    }
  }
}

/**
 * Waits for all of them, also where one fails, so that an undo meets nothing that is still under way; then
 * throws the first failure.
 */
export async function together<T extends readonly unknown[]>(
  parts: readonly [...{ [K in keyof T]: Promise<T[K]> | T[K] }],
): Promise<T> {
  const values: unknown[] = [];
  for (const part of await Promise.allSettled<unknown>(parts)) {
    if (part.status === "rejected") throw part.reason;
    values.push(part.value);
  }
  return values as unknown as T;
}
