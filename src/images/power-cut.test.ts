// The power goes at every moment at which something becomes durable: the next start has the whole image or none.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { configFor, FakeRegistry, IMPATIENCE } from "../distribution/testing.ts";
import { setLogLevel } from "../lib/index.ts";
import { chunksOf, file, listTree, tar } from "./testing.ts";
import { canMountDisks, PowerCuts, TestDisk } from "./testing-power.ts";
import { TestStore } from "./testing-store.ts";

setDefaultTimeout(120_000);
// Each start after a cut tells what it removes.
setLogLevel("error");

const NEVER = new AbortController().signal;
/** The test disk is smaller than what is left free on a real one. */
const freeBytes = async () => 2 ** 40;
const layers = [
  tar(file("a", "1"), file("b/c", "2")),
  tar(file("big", crypto.getRandomValues(new Uint8Array(65_536)))),
];
const files = ["a file", "b directory", "b/c file", "big file"];

type Driver = "erofs" | "overlay";

async function openOn(disk: TestDisk, driver: Driver, sync?: PowerCuts["sync"]): Promise<TestStore> {
  const root = join(disk.path, "data");
  mkdirSync(root, { recursive: true });
  const more = { registries: configFor(), patience: IMPATIENCE, freeBytes };
  return await TestStore.open(root, driver, sync === undefined ? more : { ...more, sync });
}

/** @returns whether the image is there; it is whole then, and else nothing is left of it */
async function isWhole(store: TestStore, expected: readonly string[]): Promise<boolean> {
  const { images } = store;
  const found = await images.list({ all: true });
  const kept = (await store.inventory()).filter((path) =>
    /^(blobs\/sha256|snapshots\/\w+)\/\w{64}/.test(path),
  );
  expect((await store.inventory()).filter((path) => /ingest\/|incoming\//.test(path))).toEqual([]);
  if (found.length === 0) {
    expect(kept).toEqual([]);
    return false;
  }
  expect(found.length).toBe(1);
  const [{ Id }] = found as [(typeof found)[0]];
  await images.snapshots.prepare("check", Id);
  using view = await images.snapshots.view("check");
  expect(listTree(view)).toEqual([...expected]);
  await images.snapshots.remove("check");
  const saved = Buffer.concat(await Array.fromAsync(images.save([Id])));
  for (const layer of layers.slice(0, expected.length > 3 ? 2 : 1)) expect(saved.includes(layer)).toBe(true);
  return true;
}

interface Operation {
  readonly name: string;
  readonly files: readonly string[];
  run(store: TestStore, registry: FakeRegistry): Promise<unknown>;
}

const imageName = (registry: FakeRegistry) => `${registry.host}/app:v1`;

const OPERATIONS: readonly Operation[] = [
  {
    name: "import",
    files: files.slice(0, 3),
    run: ({ images }) => images.import(chunksOf(layers[0]!), { repository: "new" }),
  },
  {
    name: "load",
    files,
    async run({ images }, registry) {
      await using other = await TestStore.create(undefined, {
        registries: configFor(),
        patience: IMPATIENCE,
      });
      await other.images.pull({ name: imageName(registry) }, undefined, () => {}, NEVER);
      const saved = Buffer.concat(await Array.fromAsync(other.images.save([imageName(registry)])));
      await images.load(chunksOf(saved));
    },
  },
  {
    name: "pull",
    files,
    run: ({ images }, registry) => images.pull({ name: imageName(registry) }, undefined, () => {}, NEVER),
  },
];

/** Runs an operation while the power goes again and again. @returns whether the image was there, cut by cut */
async function cutDuring(operation: Operation, driver: Driver, real: boolean): Promise<boolean[]> {
  await using registry = await FakeRegistry.start();
  registry.addImage("app", "v1", layers);
  using disk = new TestDisk();
  {
    // What is there before the operation is durable.
    await (await openOn(disk, driver)).close();
    Bun.spawnSync(["sync", "-f", disk.path]);
    await using cuts = await PowerCuts.begin(disk, real);
    const store = await openOn(disk, driver, cuts.sync);
    await operation.run(store, registry);
    // It has been said that it is done.
    disk.powerCut();
    await store.close();
  }
  const outcomes: boolean[] = [];
  for (const copy of disk.copies) {
    using after = new TestDisk(copy);
    const store = await openOn(after, driver);
    try {
      const isThere = await isWhole(store, operation.files);
      outcomes.push(isThere);
      if (isThere) continue;
      // What a cut has left stands in nobody's way.
      await operation.run(store, registry);
      expect(await isWhole(store, operation.files)).toBe(true);
    } finally {
      await store.close();
    }
  }
  return outcomes;
}

describe.skipIf(!canMountDisks())("a power cut", () => {
  for (const driver of ["erofs", "overlay"] as const) {
    for (const operation of OPERATIONS) {
      test(`in ${operation.name} (${driver}) leaves the whole image or none, and none is lost that was done`, async () => {
        const outcomes = await cutDuring(operation, driver, true);
        expect(outcomes.length).toBeGreaterThan(4);
        expect(outcomes[0]).toBe(false);
        expect(outcomes.at(-1)).toBe(true);
        // Once it is there, it stays.
        expect(outcomes.slice(outcomes.indexOf(true))).not.toContain(false);
      });
    }
  }

  test("on a disk that only says that it has written loses the image: these tests would notice", async () => {
    const outcomes = await cutDuring(OPERATIONS[0]!, "erofs", false);
    expect(outcomes.at(-1)).toBe(false);
  });
});
