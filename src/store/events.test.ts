import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../lib/index.ts";
import { Database } from "./database.ts";
import { EventLog, type StampedEvent, wallClock } from "./events.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const event = (action: string, actorId = "c1"): EngineEvent => ({
  type: "container",
  action,
  actorId,
  attributes: { name: "web" },
});

async function collect(
  events: AsyncIterable<StampedEvent>,
  count = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const actions: string[] = [];
  for await (const item of events) {
    actions.push(item.action);
    if (actions.length >= count) break;
  }
  return actions;
}

/** A clock that the test moves. */
function manualClock(start = 1_000n) {
  let now = start;
  return { read: () => now, set: (value: bigint) => (now = value) };
}

const live = () => new AbortController();

describe("the event log", () => {
  test("tells live events to whoever listened when they happened, and to nobody else", async () => {
    const log = new EventLog(Database.open(":memory:"));
    log.emit(event("before"));
    const stop = live();
    const events = log.subscribe({}, stop.signal);
    expect(log.listeners).toBe(1);
    log.emit(event("create"));
    log.emit(event("start"));
    stop.abort();
    log.emit(event("after"));
    expect(await collect(events)).toEqual(["create", "start"]);
    expect(log.listeners).toBe(0);
  });

  test("gives kept events from since, then live ones, none twice and none missing", async () => {
    const clock = manualClock();
    const log = new EventLog(Database.open(":memory:"), clock.read);
    for (const [at, action] of [
      [1000n, "a"],
      [2000n, "b"],
      [3000n, "c"],
    ] as const) {
      clock.set(at);
      log.emit(event(action));
    }
    const events = log.subscribe({ since: 2000n }, live().signal);
    log.emit(event("d"));
    expect(await collect(events, 3)).toEqual(["b", "c", "d"]);
    expect(log.listeners).toBe(0);
  });

  test("ends at until: at once where that is past", async () => {
    const clock = manualClock(1000n);
    const log = new EventLog(Database.open(":memory:"), clock.read);
    log.emit(event("a"));
    clock.set(2000n);
    log.emit(event("b"));
    clock.set(5000n);
    log.emit(event("c"));
    expect(await collect(log.subscribe({ since: 0n, until: 2000n }, live().signal))).toEqual(["a", "b"]);
    expect(await collect(log.subscribe({ until: 1000n }, live().signal))).toEqual(["a"]);
    expect(log.listeners).toBe(0);
  });

  test("ends at until when that comes", async () => {
    const log = new EventLog(Database.open(":memory:"));
    const until = wallClock()() + 30_000_000n;
    const events = log.subscribe({ until }, live().signal);
    log.emit(event("in time"));
    expect(await collect(events)).toEqual(["in time"]);
  });

  test("filters kept and live events alike", async () => {
    const log = new EventLog(Database.open(":memory:"));
    log.emit(event("start", "other"));
    log.emit(event("start", "mine"));
    const stop = live();
    const events = log.subscribe({ since: 0n, filter: (item) => item.actorId === "mine" }, stop.signal);
    log.emit(event("die", "other"));
    log.emit(event("die", "mine"));
    stop.abort();
    expect(await collect(events)).toEqual(["start", "die"]);
  });

  test("keeps events, their attributes and their order over a restart", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-events-"));
    directories.push(directory);
    const path = join(directory, "berth.db");
    const before = Database.open(path);
    const log = new EventLog(before, () => 77n); // A clock that stands still: stamps increase all the same.
    for (let i = 0; i < 5; i++) log.emit(event(`e${i}`));
    log.flush();
    before.close();

    const after = Database.open(path);
    const reopened = new EventLog(after, () => 50n); // A clock that went back.
    reopened.emit(event("later"));
    const kept: StampedEvent[] = [];
    for await (const item of reopened.subscribe({ since: 77n, until: 10n ** 18n }, AbortSignal.abort()))
      kept.push(item);
    expect(kept.map((item) => item.action)).toEqual(["e0", "e1", "e2", "e3", "e4", "later"]);
    expect(kept[0]).toEqual({ ...event("e0"), timeNs: 77n });
    expect(kept.every((item, i) => i === 0 || item.timeNs > kept[i - 1]!.timeNs)).toBe(true);
    after.close();
  });

  test("forgets the oldest, not the newest", async () => {
    const db = Database.open(":memory:");
    const log = new EventLog(db);
    for (let i = 0; i < 12_500; i++) {
      log.emit(event(String(i)));
      if (i % 500 === 0) log.flush();
    }
    log.flush();
    const kept = await collect(log.subscribe({ since: 0n }, AbortSignal.abort()));
    expect(kept.length).toBeGreaterThanOrEqual(10_000);
    expect(kept.length).toBeLessThanOrEqual(11_500);
    expect(kept.at(-1)).toBe("12499");
  });

  test("cuts off a listener that never reads", async () => {
    const log = new EventLog(Database.open(":memory:"));
    const events = log.subscribe({}, live().signal);
    for (let i = 0; i < 10_001; i++) log.emit(event("x"));
    expect(log.listeners).toBe(0);
    expect(await collect(events)).toEqual([]);
  });

  test("a database that refuses never fails the one who emits", () => {
    const db = Database.open(":memory:");
    const log = new EventLog(db);
    db.close();
    log.emit(event("x"));
    log.flush();
  });
});

test("the clock follows the wall clock within two milliseconds", () => {
  const clock = wallClock();
  for (let i = 0; i < 1000; i++) {
    const before = Date.now();
    const now = Number(clock() / 1_000_000n);
    expect(now).toBeGreaterThanOrEqual(before - 1);
    expect(now).toBeLessThanOrEqual(Date.now() + 2);
  }
});
