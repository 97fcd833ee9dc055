import { AsyncLocalStorage } from "node:async_hooks";

/** Who asked for what is being done. */
export interface Caller {
  /** A user of this host, the common name of a certificate, or an address. */
  readonly user: string;
  /** The program, as it calls itself: `docker/28.0 (linux)`. */
  readonly client: string;
}

/** What the engine does by itself. */
export const DAEMON: Caller = { user: "daemon", client: "" };

const current = new AsyncLocalStorage<Caller>();

/**
 * Does something for somebody. All that is awaited in it is done for him too, so that an operation several rooms
 * further down can record who it was without each room on the way passing it on.
 */
export function asCaller<T>(caller: Caller, work: () => T): T {
  return current.run(caller, work);
}

/** For whom this is being done; the daemon itself, where for nobody else. */
export function currentCaller(): Caller {
  return current.getStore() ?? DAEMON;
}
