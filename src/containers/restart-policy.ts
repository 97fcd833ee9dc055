import type { RestartPolicy } from "../wire/index.ts";
import type { Clock } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 60_000;
/** A container that ran this long has recovered: its next delay is the first one again. */
const RECOVERED_AFTER_MS = 10_000;

interface Entry {
  delayMs: number;
  pending?: { cancel(): void };
}

/** Docker's restart policies: who is started again after it ended, and when (moby, `restartmanager`). */
export class Restarts {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many containers it keeps something for. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Arranges for `restart` to be called after the delay that is due, which doubles with each one in a row.
   * @param ranMs how long the container had run
   */
  schedule(record: ContainerRecord, ranMs: number, restart: () => void): void {
    const entry = this.#entries.get(record.id) ?? { delayMs: 0 };
    entry.pending?.cancel();
    if (ranMs >= RECOVERED_AFTER_MS) entry.delayMs = 0;
    entry.delayMs = entry.delayMs === 0 ? FIRST_DELAY_MS : Math.min(entry.delayMs * 2, LONGEST_DELAY_MS);
    entry.pending = this.#clock.after(entry.delayMs, () => {
      delete entry.pending;
      restart();
    });
    this.#entries.set(record.id, entry);
  }

  /** A restart that is due is not made. The delays go on growing. */
  cancel(id: string): void {
    const entry = this.#entries.get(id);
    entry?.pending?.cancel();
    if (entry !== undefined) delete entry.pending;
  }

  /** Started by hand, or removed: forget its past. */
  forget(id: string): void {
    this.cancel(id);
    this.#entries.delete(id);
  }

  close(): void {
    for (const id of [...this.#entries.keys()]) this.forget(id);
  }
}

/**
 * Whether the policy wants a container started again that has just ended.
 * @param restartCount how often the policy has restarted it since the last start by hand
 */
export function wantsRestart(
  policy: RestartPolicy | null | undefined,
  ended: { exitCode: number; manuallyStopped: boolean; restartCount: number },
): boolean {
  switch (policy?.Name) {
    case "always":
      return true;
    case "unless-stopped":
      return !ended.manuallyStopped;
    case "on-failure": {
      const limit = policy.MaximumRetryCount ?? 0;
      return ended.exitCode !== 0 && (limit === 0 || ended.restartCount < limit);
    }
    default:
      return false;
  }
}

/** Whether the daemon's start starts a container that had ended before: `on-failure` speaks of exits only. */
export function wantsStartWithDaemon(record: ContainerRecord): boolean {
  if (!record.state.startedBefore) return false;
  const policy = record.host.RestartPolicy?.Name;
  return policy === "always" || (policy === "unless-stopped" && !record.state.manuallyStopped);
}

export function hasPolicy(policy: RestartPolicy | null | undefined): boolean {
  return policy?.Name !== undefined && policy.Name !== "" && policy.Name !== "no";
}
