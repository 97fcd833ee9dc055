import { type EmitEvent, type EngineEvent, log, messageOf } from "../lib/index.ts";
import type { Database } from "./database.ts";

/** An event as it happened. */
export interface StampedEvent extends EngineEvent {
  /** Nanoseconds since the epoch; strictly increasing, so that `since` never misses or repeats one. */
  readonly timeNs: bigint;
}

/** Decides whether a listener wants an event. */
export type EventFilter = (event: StampedEvent) => boolean;

export interface Subscription {
  /** Nanoseconds since the epoch. With it, or with `until`, kept events come first. */
  since?: bigint;
  /** Nanoseconds since the epoch. The stream ends there, at once where that is past. */
  until?: bigint;
  filter?: EventFilter;
}

const STEPS = [
  `CREATE TABLE events (
     time_ns INTEGER PRIMARY KEY,
     type TEXT NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL, attributes TEXT NOT NULL
   ) STRICT`,
];

/** How many events are kept. Docker keeps 256 and forgets them when it stops. */
const KEPT = 10_000;
/** How many events may wait for one slow listener before it is cut off. */
const QUEUE_LIMIT = 10_000;
/** Events reach the database in batches, off the path of whoever emitted them. */
const FLUSH_AFTER_MS = 50;

interface EventRow {
  time_ns: string;
  type: EngineEvent["type"];
  action: string;
  actor: string;
  attributes: string;
}

/** Everything that happened lately: kept over restarts, and told to whoever listens. */
export class EventLog {
  readonly #db: Database;
  readonly #listeners = new Set<Listener>();
  readonly #now: () => bigint;
  #pending: StampedEvent[] = [];
  #flushTimer: NodeJS.Timeout | undefined;
  #lastNs: bigint;
  #sinceTrim = 0;

  constructor(db: Database, now: () => bigint = wallClock()) {
    this.#db = db;
    this.#now = now;
    db.migrate("events", STEPS);
    const last = db.get<{ last: string | null }>("SELECT CAST(max(time_ns) AS TEXT) AS last FROM events");
    this.#lastNs = BigInt(last?.last ?? 0);
  }

  /** How many listen at this moment. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** A property, so that it can be handed out by itself. */
  readonly emit: EmitEvent = (event) => {
    const now = this.#now();
    this.#lastNs = now > this.#lastNs ? now : this.#lastNs + 1n;
    const stamped: StampedEvent = { ...event, timeNs: this.#lastNs };
    this.#pending.push(stamped);
    for (const listener of this.#listeners) listener.push(stamped);
    this.#flushTimer ??= setTimeout(() => this.flush(), FLUSH_AFTER_MS).unref();
  };

  /** Writes what waits. A database that refuses costs the events, never the caller. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const batch = this.#pending;
    if (batch.length === 0) return;
    this.#pending = [];
    try {
      this.#db.write(() => {
        for (const event of batch) {
          this.#db.run(
            "INSERT OR IGNORE INTO events (time_ns, type, action, actor, attributes) VALUES (?, ?, ?, ?, ?)",
            event.timeNs,
            event.type,
            event.action,
            event.actorId,
            JSON.stringify(event.attributes),
          );
        }
        this.#sinceTrim += batch.length;
        if (this.#sinceTrim >= KEPT / 10) this.#trim();
      });
    } catch (error) {
      log.warn("events were not kept", { count: batch.length, error: messageOf(error) });
    }
  }

  #trim(): void {
    this.#sinceTrim = 0;
    this.#db.run(
      "DELETE FROM events WHERE time_ns <= (SELECT time_ns FROM events ORDER BY time_ns DESC LIMIT 1 OFFSET ?)",
      KEPT,
    );
  }

  /**
   * Kept events from `since` on, then live ones, until `until` or until the signal aborts. Listening begins
   * with this call, not with the first read: nothing emitted in between is missed. A listener that lets too
   * much queue up is ended.
   */
  subscribe(options: Subscription, signal: AbortSignal): AsyncIterable<StampedEvent> {
    const { since, until } = options;
    const endsInPast = until !== undefined && until <= this.#now();
    const listener = new Listener(options);
    if (since !== undefined || until !== undefined) listener.begin(this.#kept(since ?? 0n, until));
    if (endsInPast) listener.end();
    else this.#addListener(listener, until, signal);
    return listener;
  }

  #addListener(listener: Listener, until: bigint | undefined, signal: AbortSignal): void {
    const stop = () => listener.end();
    let timer: NodeJS.Timeout | undefined;
    const waitFor = (end: bigint) => {
      const left = Number((end - this.#now()) / 1_000_000n) + 1;
      // A timer holds 2^31 ms at most.
      timer = setTimeout(
        () => (left > 1_000_000_000 ? waitFor(end) : stop()),
        Math.min(left, 1_000_000_000),
      ).unref();
    };
    if (until !== undefined) waitFor(until);
    signal.addEventListener("abort", stop, { once: true });
    this.#listeners.add(listener);
    listener.onEnd = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      this.#listeners.delete(listener);
    };
    if (signal.aborted) stop();
  }

  #kept(since: bigint, until: bigint | undefined): StampedEvent[] {
    this.flush();
    const rows = this.#db.all<EventRow>(
      `SELECT CAST(time_ns AS TEXT) AS time_ns, type, action, actor, attributes FROM events
       WHERE time_ns >= ? AND time_ns <= ? ORDER BY time_ns`,
      since,
      until ?? this.#lastNs,
    );
    return rows.map((row) => ({
      timeNs: BigInt(row.time_ns),
      type: row.type,
      action: row.action,
      actorId: row.actor,
      attributes: JSON.parse(row.attributes) as Record<string, string>,
    }));
  }
}

/** One subscriber's bounded queue. */
class Listener implements AsyncIterable<StampedEvent> {
  readonly #options: Subscription;
  #queue: StampedEvent[] = [];
  #limit = QUEUE_LIMIT;
  #wake: (() => void) | undefined;
  #ended = false;
  onEnd: () => void = () => {};

  constructor(options: Subscription) {
    this.#options = options;
  }

  /** What was kept comes first, and doesn't count against the limit: reading it has not even begun. */
  begin(kept: StampedEvent[]): void {
    this.#queue = kept.filter((event) => this.#wants(event));
    this.#limit += this.#queue.length;
  }

  #wants(event: StampedEvent): boolean {
    const { until, filter } = this.#options;
    return (until === undefined || event.timeNs <= until) && (filter === undefined || filter(event));
  }

  push(event: StampedEvent): void {
    if (this.#ended || !this.#wants(event)) return;
    this.#queue.push(event);
    if (this.#queue.length > this.#limit) {
      log.warn("a listener to events was too slow and was cut off", { queued: this.#queue.length });
      this.#queue = [];
      this.end();
    }
    this.#wake?.();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StampedEvent> {
    try {
      while (true) {
        const batch = this.#queue;
        this.#queue = [];
        yield* batch;
        if (this.#queue.length > 0) continue;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      this.end();
    }
  }
}

/**
 * The time in nanoseconds: the wall clock's milliseconds refined by the monotonic clock, which is joined to
 * it anew whenever somebody sets the wall clock.
 */
export function wallClock(): () => bigint {
  let offset = 0n;
  return () => {
    const wall = BigInt(Date.now()) * 1_000_000n;
    const now = process.hrtime.bigint() + offset;
    const drift = now - wall;
    // The wall clock is cut to whole milliseconds, so up to one of them is no drift.
    if (drift >= 0n && drift < 2_000_000n) return now;
    offset += wall - now;
    return wall;
  };
}
