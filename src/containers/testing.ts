/** Stand-ins for the tests of this room: a clock that only moves when told, and records with sensible fields. */
import type { Clock } from "./context.ts";
import type { ContainerRecord, ContainerStateRecord } from "./record.ts";
import { NEVER } from "./time.ts";

export const TEST_ID = "ab".repeat(32);

export function recordFor(
  over: Omit<Partial<ContainerRecord>, "state"> & { state?: Partial<ContainerStateRecord> },
): ContainerRecord {
  return {
    id: TEST_ID,
    name: "test",
    created: "2026-01-01T00:00:00Z",
    imageId: `sha256:${"0".repeat(64)}`,
    imageReference: "busybox",
    platform: "linux",
    driver: "overlay2",
    config: { Image: "busybox", Labels: {} },
    host: {},
    networking: {},
    path: "true",
    args: [],
    mounts: [],
    logPath: "",
    ...over,
    state: {
      status: "created",
      pid: 0,
      exitCode: 0,
      error: "",
      oomKilled: false,
      startedAt: NEVER,
      finishedAt: NEVER,
      restartCount: 0,
      manuallyStopped: false,
      startedBefore: false,
      ...over.state,
    },
  };
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #now = Date.parse("2026-01-01T00:00:00Z");
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  nanoseconds(): bigint {
    return BigInt(this.#now) * 1_000_000n;
  }

  after(milliseconds: number, callback: () => void): { cancel(): void } {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer is due. */
  nextDelay(): number | undefined {
    const due = [...this.#timers].map((timer) => timer.at);
    return due.length === 0 ? undefined : Math.min(...due) - this.#now;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}
