import type { Service } from "../model/index.ts";
import { dependenciesIn, dependentsOf } from "../plan/order.ts";
import type { Table } from "../project/index.ts";

export interface OrderOptions {
  /** What has to be done before a service; what it depends on where undefined. */
  readonly before?: (name: string) => readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does some work for every service, each as soon as those before it are done. After a failure, or when the signal aborts,
 * nothing new begins; what has begun comes to its end, or notices the signal that it is given. The first failure is thrown.
 */
export async function eachInOrder(
  services: Table<Service>,
  work: (name: string, signal: AbortSignal) => Promise<void>,
  { before = (name) => dependenciesIn(services, services[name]!), signal }: OrderOptions = {},
): Promise<void> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const done = new Map<string, Promise<void>>();
  const run = (name: string): Promise<void> => {
    const known = done.get(name);
    if (known !== undefined) return known;
    const result = Promise.all(before(name).map(run)).then(async () => {
      either.throwIfAborted();
      await work(name, either);
    });
    // Once: those that wait for a service fail with it.
    const noted = result.catch((error: unknown) => {
      if (!stop.signal.aborted) stop.abort(error);
      throw error;
    });
    done.set(name, noted);
    return noted;
  };
  await Promise.allSettled(Object.keys(services).map(run));
  if (signal?.aborted === true) throw signal.reason;
  if (stop.signal.aborted) throw stop.signal.reason;
}

/** The same the other way round: each as soon as those that depend on it are done. */
export function eachInReverseOrder(
  services: Table<Service>,
  work: (name: string, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const dependents = dependentsOf(services);
  return eachInOrder(services, work, { before: (name) => dependents.get(name) ?? [], signal });
}

/** Does all at once, waits for all, and throws the first failure. */
export async function allSettled(work: Iterable<Promise<unknown>>): Promise<void> {
  let first: { error: unknown } | undefined;
  const note = (error: unknown) => {
    first ??= { error };
  };
  await Promise.all([...work].map((one) => one.catch(note)));
  if (first !== undefined) throw first.error;
}
