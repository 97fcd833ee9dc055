import { unavailable } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { type ContainerRecord, isRunning } from "./record.ts";
import type { WaitCondition, WaitResult } from "./requests.ts";

interface Waiter {
  readonly condition: WaitCondition;
  readonly tell: (result: WaitResult) => void;
}

/** Those who wait for containers to end or to go. */
export class Waiters {
  readonly #byId = new Map<string, Set<Waiter>>();

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const waiters of this.#byId.values()) size += waiters.size;
    return size;
  }

  add(id: string, condition: WaitCondition, signal: AbortSignal): Promise<WaitResult> {
    return new Promise((resolve, reject) => {
      const waiters = this.#byId.get(id) ?? new Set();
      this.#byId.set(id, waiters);
      const leave = () => {
        signal.removeEventListener("abort", abort);
        waiters.delete(waiter);
        if (waiters.size === 0 && this.#byId.get(id) === waiters) this.#byId.delete(id);
      };
      const abort = () => {
        leave();
        reject(signal.reason);
      };
      const waiter: Waiter = {
        condition,
        tell: (result) => {
          leave();
          resolve(result);
        },
      };
      waiters.add(waiter);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  /** The process ended, and perhaps will be started again by its policy. */
  exited(record: ContainerRecord): void {
    this.#tell(record, (condition) => condition !== "removed");
  }

  /** The container is gone: whatever anybody waited for has come. */
  removed(record: ContainerRecord): void {
    this.#tell(record, () => true);
  }

  /** Its removal failed: those who waited for it get the code, and why. */
  removalFailed(record: ContainerRecord, message: string): void {
    this.#tell(record, (condition) => condition === "removed", message);
  }

  #tell(record: ContainerRecord, wants: (condition: WaitCondition) => boolean, error?: string): void {
    const result: WaitResult = {
      statusCode: record.state.exitCode,
      ...(error === undefined ? {} : { error: { Message: error } }),
    };
    for (const waiter of [...(this.#byId.get(record.id) ?? [])]) {
      if (wants(waiter.condition)) waiter.tell(result);
    }
  }
}

/** Waiting begins before this function returns, so that nothing that happens after the call is missed. */
export function wait(
  context: Context,
  record: ContainerRecord,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<WaitResult> {
  if (condition === "not-running" && !isRunning(record) && !isEnding(context, record)) {
    const { exitCode, error } = record.state;
    return Promise.resolve({ statusCode: exitCode, ...(error === "" ? {} : { error: { Message: error } }) });
  }
  return context.waiters.add(record.id, condition, AbortSignal.any([signal, context.closing]));
}

/** Its process has ended, but not everything that it held was given back yet. */
export function isEnding(context: Pick<Context, "runs">, record: ContainerRecord): boolean {
  return context.runs.get(record.id)?.exit !== undefined;
}

/**
 * The exit of the run that is under way, settled: `true` when it came in time.
 * @param milliseconds negative: for ever
 */
export async function waitForSettled(
  context: Context,
  record: ContainerRecord,
  milliseconds: number,
): Promise<boolean> {
  const run = context.runs.get(record.id);
  if (run === undefined) return true;
  if (milliseconds < 0) {
    await run.settled;
    return true;
  }
  return new Promise((resolve) => {
    const timer = context.clock.after(milliseconds, () => resolve(false));
    void run.settled.then(() => {
      timer.cancel();
      resolve(true);
    });
  });
}

/** For callers who must tell "the daemon lets go" from a failure. */
export function closingError(): Error {
  return unavailable("the daemon is shutting down");
}
