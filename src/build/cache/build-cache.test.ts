import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { Lease } from "../solve/lease.ts";
import { fakeWorld, solveText } from "../testing.ts";
import { BuildCache, type CachePolicy } from "./build-cache.ts";
import { CacheRecords } from "./records.ts";

async function world(policy: CachePolicy = { enabled: false, rules: [] }) {
  const made = fakeWorld();
  const { layers, records } = made;
  const cache = new BuildCache({ records, stocks: [], layers, policy, path: tmpdir() });
  const build = async (text: string) => {
    const lease = new Lease();
    await solveText(made, text, { lease });
    await lease.release();
  };
  const descriptions = async () =>
    (await cache.list()).map(({ description }) => description.split(" ").at(-1)!).toSorted();
  return { ...made, cache, build, descriptions };
}

const NOTHING = { filters: {}, keepBytes: undefined };

describe("BuildCache", () => {
  test("pruned records free their layers, but not those of images", async () => {
    const { cache, build, layers, descriptions } = await world();
    await build("FROM a\nRUN one\nRUN two");
    const [, one] = [...layers.here];
    layers.inImages.add(one!);
    expect(await descriptions()).toEqual(["one", "two"]);
    const kept = await cache.prune({ ...NOTHING, all: false });
    expect([kept.removed.length, kept.reclaimedBytes]).toEqual([1, 100]);
    expect(await descriptions()).toEqual(["one"]);
    const all = await cache.prune({ ...NOTHING, all: true });
    expect([all.removed.length, all.reclaimedBytes]).toEqual([1, 0]);
    expect([...layers.here]).toEqual([one!]);
    expect([...layers.pins]).toEqual([]);
  });

  test("uses are counted, also those that are not written down yet", async () => {
    const { cache, build } = await world();
    for (let count = 0; count < 3; count++) await build("FROM a\nRUN one");
    expect((await cache.list()).map(({ usageCount }) => usageCount)).toEqual([3]);
    await build("FROM a\nRUN one");
    await cache.close();
    expect((await cache.list()).map(({ usageCount }) => usageCount)).toEqual([4]);
  });

  test("a pruned step is done again", async () => {
    const { cache, build, ran } = await world();
    await build("FROM a\nRUN one");
    await cache.prune({ ...NOTHING, all: true });
    await build("FROM a\nRUN one");
    expect(ran).toEqual(["one", "one"]);
  });

  test("it is held within its limits by itself", async () => {
    const rules = [{ all: true, filters: {}, maxUsedBytes: 200 }];
    const { cache, build, descriptions } = await world({ enabled: true, rules });
    await build("FROM a\nRUN one");
    await build("FROM a\nRUN two");
    await build("FROM a\nRUN three");
    cache.collect();
    await cache.close();
    expect((await descriptions()).length).toBe(2);
  });

  test("filters that are none are refused before anything is removed", async () => {
    const { cache, build, descriptions } = await world();
    await build("FROM a\nRUN one");
    await expect(
      cache.prune({ all: true, filters: { colour: ["red"] }, keepBytes: undefined }),
    ).rejects.toThrow("invalid filter 'colour'");
    expect(await descriptions()).toEqual(["one"]);
  });

  test("at the start, records whose layers are gone go as well", async () => {
    const { build, layers, database, ran } = await world();
    await build("FROM a\nRUN one\nRUN two");
    const last = [...layers.here].at(-1)!;
    layers.here.delete(last);
    const records = new CacheRecords(database, layers);
    records.sweep();
    expect((await records.list()).length).toBe(1);
    // Its own layer and the base's.
    expect(layers.pins.size).toBe(2);
    await build("FROM a\nRUN one\nRUN two");
    expect(ran).toEqual(["one", "two", "two"]);
  });

  test("a step that is done again takes the place of its record", async () => {
    const made = await world();
    await made.build("FROM a\nRUN one");
    const lease = new Lease();
    await solveText(made, "FROM a\nRUN one", { graph: { noCache: true }, lease });
    await lease.release();
    expect((await made.cache.list()).length).toBe(1);
    expect(made.layers.pins.size).toBe(2);
  });
});
