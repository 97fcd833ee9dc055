import { setTimeout as sleep } from "node:timers/promises";
import { log } from "../lib/index.ts";
import type { Patience } from "./config.ts";
import { RegistryError } from "./errors.ts";

/** Back-off never waits longer, in milliseconds. */
const BACK_OFF_MAX_MS = 10_000;

export interface RetryOptions {
  readonly attempts: number;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/**
 * Does work again that failed for a reason that may pass (dropped connections, 5xx, 429 with `Retry-After`), each
 * time after a longer pause, of random length so that many clients don't come back at the same instant.
 * @param work is told which attempt it is, from 1
 * @throws the last failure; at once one that stays, or the signal's reason
 */
export async function withRetries<T>(
  { attempts, patience, signal }: RetryOptions,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt >= attempts || !isTemporary(error) || signal.aborted) throw error;
      const waitMs = waitBefore(attempt, error, patience);
      if (waitMs > patience.retryAfterMs) throw error;
      log.debug("a registry's failure that may pass", { attempt, error: (error as Error).message });
      await pause(waitMs, signal);
    }
  }
}

export function isTemporary(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.isTemporary;
}

export function waitBefore(attempt: number, error: unknown, patience: Patience): number {
  const asked = error instanceof RegistryError ? error.retryAfterMs : undefined;
  if (asked !== undefined) return asked;
  const longest = Math.min(patience.backOffMs * 2 ** (attempt - 1), BACK_OFF_MAX_MS);
  return longest * (0.5 + Math.random() / 2);
}

/** @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
