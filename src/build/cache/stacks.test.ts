import { describe, expect, test } from "bun:test";
import { Database } from "../../store/index.ts";
import type { DiffId } from "../ports.ts";
import { FakeLayers } from "../testing.ts";
import { CacheRecords } from "./records.ts";

function world() {
  const layers = new FakeLayers();
  const database = Database.open(":memory:");
  const records = new CacheRecords(database, layers);
  const [a, b, c, d] = [layers.make("a"), layers.make("b"), layers.make("c"), layers.make("d")];
  let keys = 0;
  const add = (stack: readonly DiffId[], key = `sha256:${keys++}` as DiffId) => {
    const shared = { newLayers: [], parents: [], type: "regular", description: "" };
    return { key, id: records.add({ ...shared, key, layers: stack, createdMs: 1 }).id };
  };
  const rows = () => database.all("SELECT * FROM build_stacks").length;
  const pinned = () => [...layers.pins.values()].flat().sort();
  return { layers, database, records, a, b, c, d, add, rows, pinned };
}

describe("stacks of the build cache", () => {
  test("each is written as what it has more than the one below", async () => {
    const { records, add, rows, pinned, a, b, c, d } = world();
    add([a]);
    add([a, b]);
    const { key } = add([a, b, c]);
    add([a, d]);
    expect(rows()).toBe(4);
    expect(pinned()).toEqual([a, b, c, d].sort());
    using found = await records.find(key);
    expect(found!.record.layers).toEqual([a, b, c]);
  });

  test("what no record needs goes, what another needs stays", async () => {
    const { records, add, rows, pinned, a, b, c, d } = world();
    const deep = add([a, b, c]);
    const other = add([a, d]);
    await records.remove(new Set([deep.id]));
    expect(rows()).toBe(2);
    expect(pinned()).toEqual([a, d].sort());
    await records.remove(new Set([other.id]));
    expect(rows()).toBe(0);
    expect(pinned()).toEqual([]);
  });

  test("a layer in two stacks is pinned until both are gone", async () => {
    const { records, add, pinned, a, b, c } = world();
    const one = add([a, c]);
    const two = add([b, c]);
    await records.remove(new Set([one.id]));
    expect(pinned()).toEqual([b, c].sort());
    await records.remove(new Set([two.id]));
    expect(pinned()).toEqual([]);
  });

  test("a record in another's place, and no layers at all", async () => {
    const { records, add, rows, pinned, a, b, c } = world();
    const { key } = add([a, b]);
    add([a, c], key);
    expect(pinned()).toEqual([a, c].sort());
    using found = await records.find(key);
    expect(found!.record.layers).toEqual([a, c]);
    const empty = add([]);
    using nothing = await records.find(empty.key);
    expect(nothing!.record.layers).toEqual([]);
    expect(rows()).toBe(2);
  });

  test("they are read again, by the next daemon and after a transaction that failed", async () => {
    const { layers, database, records, add, rows, pinned, a, b, c } = world();
    const { key, id } = add([a, b]);
    const pin = layers.pin.bind(layers);
    layers.pin = () => {
      throw new Error("no room");
    };
    expect(() => add([a, b, c])).toThrow("no room");
    layers.pin = pin;
    const again = add([a, b, c]);
    await records.remove(new Set([again.id]));
    expect(rows()).toBe(2);
    const next = new CacheRecords(database, layers);
    using found = await next.find(key);
    expect(found!.record.layers).toEqual([a, b]);
    expect(rows()).toBe(2);
    found![Symbol.dispose]();
    await next.remove(new Set([id]));
    expect(rows()).toBe(0);
    expect(pinned()).not.toContain(a);
  });
});
