import { describe, expect, test } from "bun:test";
import type { BuildEvent } from "../progress/events.ts";
import { type Behaviour, fakeWorld, solveText } from "../testing.ts";
import { Lease } from "./lease.ts";
import type { Outcome } from "./scheduler.ts";

/** A gate that steps wait at, with a count of who came. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const arrivals: { count: number; waiting: { count: number; tell: () => void }[] } = {
    count: 0,
    waiting: [],
  };
  const behaviour: Behaviour = async ({ signal }) => {
    arrivals.count++;
    for (const { count, tell } of arrivals.waiting) if (arrivals.count >= count) tell();
    await Promise.race([
      promise,
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ]);
  };
  const arrived = (count: number) =>
    new Promise<void>((tell) => {
      if (arrivals.count >= count) tell();
      else arrivals.waiting.push({ count, tell });
    });
  return { behaviour, open: resolve, arrived };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

const layersOf = ({ result }: Pick<Outcome, "result">) => (result.kind === "layers" ? result.layers : []);

describe("Scheduler", () => {
  test("what does not depend on each other is done at once, what is not needed never", async () => {
    const both = gate();
    const world = fakeWorld({ one: both.behaviour, two: both.behaviour });
    const done = solveText(
      world,
      "FROM a AS x\nRUN one\nFROM a AS y\nRUN two\nFROM a AS never\nRUN three\nFROM x\nCOPY --from=y f f",
    );
    await both.arrived(2);
    both.open();
    await done;
    expect(world.ran.toSorted()).toEqual(["copy", "one", "two"]);
  });

  test("the same again comes from the cache, and so does what follows", async () => {
    const world = fakeWorld();
    const text = "FROM a\nRUN one\nRUN two";
    const first = await solveText(world, text);
    const events: BuildEvent[] = [];
    const second = await solveText(world, text, { report: (event) => events.push(event) });
    expect(world.ran).toEqual(["one", "two"]);
    expect([...second.values()].map(layersOf)).toEqual([...first.values()].map(layersOf));
    expect([...second.values()].map(({ cached }) => cached)).toEqual([false, true, true]);
    const cached = events
      .filter(({ kind }) => kind === "vertex")
      .flatMap((event) =>
        event.kind === "vertex" && event.vertex.completed !== undefined ? [event.vertex.cached] : [],
      );
    expect(cached).toEqual([false, true, true]);
  });

  test("--no-cache does it again, and what follows follows the new result", async () => {
    const world = fakeWorld();
    await solveText(world, "FROM a AS x\nRUN one\nFROM x AS y\nRUN two");
    await solveText(world, "FROM a AS x\nRUN one\nFROM x AS y\nRUN two", {
      graph: { noCache: new Set(["x"]) },
    });
    expect(world.ran).toEqual(["one", "two", "one", "two"]);
    await solveText(world, "FROM a AS x\nRUN one\nFROM x AS y\nRUN two");
    expect(world.ran.length).toBe(4);
  });

  test("two builds that want the same at the same time share it, its output too", async () => {
    const slow = gate();
    const world = fakeWorld({
      slow: async (work) => {
        work.log(1, Buffer.from("hello"));
        await slow.behaviour(work);
      },
    });
    const logs = (events: BuildEvent[]) =>
      events.flatMap((event) => (event.kind === "log" ? [Buffer.from(event.bytes).toString()] : []));
    const events: BuildEvent[][] = [[], []];
    const first = solveText(world, "FROM a\nRUN slow", { report: (event) => events[0]!.push(event) });
    await slow.arrived(1);
    const second = solveText(world, "FROM a\nRUN slow\nRUN own", {
      report: (event) => events[1]!.push(event),
    });
    await settle();
    slow.open();
    const [one, two] = await Promise.all([first, second]);
    expect(world.ran).toEqual(["slow", "own"]);
    const layers = [one, two].map((outcomes) => layersOf([...outcomes.values()][1]!));
    expect(layers[0]).toEqual(layers[1]!);
    expect(events.map(logs)).toEqual([["hello"], ["hello"]]);
  });

  test("shared work goes on while somebody wants it, and is aborted when nobody does", async () => {
    const slow = gate();
    let aborted = 0;
    const world = fakeWorld({
      slow: async (work) => {
        work.signal.addEventListener("abort", () => aborted++);
        await slow.behaviour(work);
      },
    });
    const [one, two] = [new AbortController(), new AbortController()];
    const gone: string[] = [];
    const lease = new Lease();
    lease.defer(() => void gone.push("first build's directory"));
    const first = solveText(world, "FROM a\nRUN slow", { signal: one.signal, lease });
    await slow.arrived(1);
    const second = solveText(world, "FROM a\nRUN slow", { signal: two.signal });
    await settle();
    one.abort(new Error("first is gone"));
    await expect(first).rejects.toThrow("first is gone");
    await lease.release();
    // The work uses what the first build has.
    expect([aborted, gone]).toEqual([0, []]);
    two.abort(new Error("second is gone"));
    await expect(second).rejects.toThrow("second is gone");
    expect(aborted).toBe(1);
    await settle();
    expect(gone).toEqual(["first build's directory"]);
    // Somebody who comes now begins anew.
    slow.open();
    await solveText(world, "FROM a\nRUN slow");
    expect(world.ran).toEqual(["slow", "slow"]);
  });

  test("work that failed because its build went away is done by the other", async () => {
    const slow = gate();
    let times = 0;
    const world = fakeWorld({
      slow: async (work) => {
        if (times++ > 0) return;
        await slow.behaviour(work);
        throw new Error("the first client's secret is gone");
      },
    });
    const one = new AbortController();
    const first = solveText(world, "FROM a\nRUN slow", { signal: one.signal });
    first.catch(() => {});
    await slow.arrived(1);
    const second = solveText(world, "FROM a\nRUN slow");
    await settle();
    one.abort(new Error("gone"));
    await settle();
    slow.open();
    await second;
    expect(world.ran).toEqual(["slow", "slow"]);
  });

  test("a failure ends what else is under way, is told once, and leaves nothing held", async () => {
    const slow = gate();
    const world = fakeWorld({
      slow: slow.behaviour,
      bad: async () => {
        await slow.arrived(1);
        throw new Error("exit code: 1");
      },
    });
    const events: BuildEvent[] = [];
    const lease = new Lease();
    const done = solveText(world, "FROM a AS x\nRUN slow\nFROM a AS y\nRUN bad\nFROM x\nCOPY --from=y f f", {
      lease,
      report: (event) => events.push(event),
    });
    await expect(done).rejects.toThrow("exit code: 1");
    const errors = events.flatMap((event) =>
      event.kind === "vertex" && event.vertex.error !== undefined ? [event.vertex.error] : [],
    );
    expect(errors.toSorted()).toEqual(["context canceled", "exit code: 1"]);
    await lease.release();
    expect([...world.layers.holds]).toEqual([]);
    expect(world.records.totalBytes()).toBe(0);
    // It was not remembered.
    slow.open();
    await expect(solveText(world, "FROM a\nRUN bad")).rejects.toThrow("exit code: 1");
  });

  test("a record whose layer is gone is no hit", async () => {
    const world = fakeWorld();
    const lease = new Lease();
    await solveText(world, "FROM a\nRUN one", { lease });
    await lease.release();
    for (const layer of world.layers.here)
      if (!world.layers.pins.size || layer) world.layers.here.delete(layer);
    await solveText(world, "FROM a\nRUN one");
    expect(world.ran).toEqual(["one", "one"]);
  });

  test("results are held while the build lasts, and no longer", async () => {
    const world = fakeWorld();
    const lease = new Lease();
    await solveText(world, "FROM a\nRUN one", { lease });
    expect((await world.records.list()).map(({ inUse }) => inUse)).toEqual([true]);
    await lease.release();
    expect([...world.layers.holds]).toEqual([]);
    const [record] = await world.records.list();
    expect(record).toMatchObject({ inUse: false, usageCount: 1, sizeBytes: 100, type: "regular" });
    expect(record!.description).toBe("mount / from exec /bin/sh -c one");
  });

  test("results of another machine are taken, and become records", async () => {
    const other = fakeWorld();
    const there = await solveText(other, "FROM a\nRUN one");
    const { key, result } = [...there.values()][1]!;
    const world = fakeWorld();
    const layers = layersOf({ result });
    for (const layer of layers) world.layers.here.add(layer);
    const imported = { find: (asked: string) => (asked === key ? { layers, createdMs: 5_000 } : undefined) };
    const here = await solveText(world, "FROM a\nRUN one", { imported });
    expect(world.ran).toEqual([]);
    // With the time of there.
    expect([...here.values()][1]).toMatchObject({ cached: true, createdMs: 5_000 });
    await solveText(world, "FROM a\nRUN one");
    expect(world.ran).toEqual([]);
  });
});
