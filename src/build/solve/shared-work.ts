import type { CacheRecord } from "../cache/records.ts";
import type { HeldLayers } from "../ports.ts";

/** One who waits for a piece of work, and hears what it prints. */
export interface Asker {
  log(stream: 1 | 2, bytes: Uint8Array, time: number): void;
  progress(part: string, currentBytes: number, totalBytes: number | undefined): void;
}

/** What the work came to, held until everybody who waited has taken a share of it. */
export interface WorkResult {
  readonly record: CacheRecord;
  readonly newLayers: CacheRecord["layers"];
  readonly held: HeldLayers;
}

interface Printed {
  readonly stream: 1 | 2;
  readonly bytes: Uint8Array;
  readonly time: number;
}

/** What is told again to those who come later. */
const REPLAY_BYTES_MAX = 1 << 20;

/** A piece of work that one or several builds wait for. It is aborted when the last of them has left. */
export class SharedWork {
  readonly #abort = new AbortController();
  readonly #askers = new Set<Asker>();
  readonly #printed: Printed[] = [];
  #printedBytes = 0;
  /** Who began it; its services are what the work uses. */
  readonly starter: Asker;
  /** Set by `begin`. */
  done: Promise<WorkResult> = Promise.reject(new Error("not begun"));

  constructor(starter: Asker) {
    this.starter = starter;
    this.done.catch(() => {});
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isEnding(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Whether the build that began it still waits for it. */
  get hasStarter(): boolean {
    return this.#askers.has(this.starter);
  }

  begin(work: (work: SharedWork) => Promise<WorkResult>): void {
    this.done = work(this);
    this.done.catch(() => {});
  }

  readonly log = (stream: 1 | 2, bytes: Uint8Array): void => {
    const time = Date.now();
    for (const asker of this.#askers) asker.log(stream, bytes, time);
    this.#printed.push({ stream, bytes, time });
    this.#printedBytes += bytes.length;
    while (this.#printedBytes > REPLAY_BYTES_MAX) this.#printedBytes -= this.#printed.shift()!.bytes.length;
  };

  readonly progress = (part: string, currentBytes: number, totalBytes: number | undefined): void => {
    for (const asker of this.#askers) asker.progress(part, currentBytes, totalBytes);
  };

  /**
   * Waits for the work. `take` is called while the result is sure to be there.
   * @throws what the work failed with, or the signal's reason; where this was the last who waited, after the work's end
   */
  async join<T>(asker: Asker, signal: AbortSignal, take: (result: WorkResult) => Promise<T>): Promise<T> {
    for (const { stream, bytes, time } of this.#printed) asker.log(stream, bytes, time);
    this.#askers.add(asker);
    try {
      return await take(await unlessAborted(this.done, signal));
    } finally {
      this.#askers.delete(asker);
      if (this.#askers.size === 0) {
        this.#abort.abort(signal.reason ?? new Error("nobody waits for it any more"));
        await this.done.then(
          ({ held }) => held[Symbol.dispose](),
          () => {},
        );
      }
    }
  }
}

/** @throws the signal's reason as soon as it aborts */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
