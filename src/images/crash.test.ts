import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsBelow } from "../linux/index.ts";
import { chunksOf, file, listTree, tar } from "./testing.ts";
import { TestStore } from "./testing-store.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

/** Runs an operation on a store in a process of its own that dies at a fault point. */
async function dieAt(point: string, root: string, driver: string, operation: string): Promise<void> {
  const script = `
    import { TestStore } from ${JSON.stringify(join(import.meta.dir, "testing-store.ts"))};
    import { chunksOf, file, tar } from ${JSON.stringify(join(import.meta.dir, "testing.ts"))};
    const store = await TestStore.open(${JSON.stringify(root)}, ${JSON.stringify(driver)});
    const { images } = store;
    ${operation}
    process.exit(7);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: { PATH: process.env["PATH"] ?? "", BERTH_FAULT_POINT: point },
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (child.signalCode !== "SIGKILL") throw new Error(`${point} was not reached: code ${code}: ${errors}`);
}

const layer = tar(file("a", "1"), file("b/c", "2"));
const files = ["a file", "b directory", "b/c file"];

const IMPORT = `await images.import(chunksOf(tar(file("a", "1"), file("b/c", "2"))), { repository: "new" });`;
const LOAD = `await images.load((await import("node:fs")).createReadStream(process.argv[1] ?? "archive.tar"));`;

const BUILD = `
  const { builds } = images;
  await using layer = await builds.layers.receive(chunksOf(tar(file("a", "1"), file("b/c", "2"))));
  using held = await layer.keep();
  if (process.env.PINNED === "1") builds.layers.pin("cache", held.layers);
  await builds.record({
    created: undefined, author: "", platform: { os: "linux", architecture: "amd64", variant: "", osVersion: "" },
    config: {}, layers: held.layers, history: [], names: ["docker.io/library/new:latest"], parent: undefined,
    inlineCache: undefined, how: () => ({ dockerfile: held.layers[0], arguments: {}, bases: [] }),
  });`;
const BUILD_POINTS: Record<string, string[]> = {
  erofs: ["blob-renamed", "layer-index-renamed", "layer-here", "layer-durable", "image-recorded"],
  overlay: ["blob-renamed", "layer-here", "layer-durable", "image-recorded"],
};

/** Whole images, no image that is not, and nothing else on disk. */
async function expectSound(store: TestStore): Promise<void> {
  const wanted = new Set<string>();
  for (const { Id } of await store.images.list({ all: true })) {
    const { RootFS } = await store.images.inspect(Id);
    for (const diffId of RootFS.Layers ?? []) wanted.add(diffId.slice(7));
    await store.images.snapshots.prepare(`check-${Id.slice(7, 19)}`, Id);
    using view = await store.images.snapshots.view(`check-${Id.slice(7, 19)}`);
    expect(listTree(view)).toEqual(files);
    await store.images.snapshots.remove(`check-${Id.slice(7, 19)}`);
    const saved = Buffer.concat(await Array.fromAsync(store.images.save([Id])));
    expect(saved.includes(layer)).toBe(true);
  }
  const found = (await store.inventory())
    .filter((path) => !path.startsWith("trash/"))
    .map((path) => /[0-9a-f]{64}/.exec(path)?.[0])
    .filter((hex) => hex !== undefined);
  expect(new Set(found)).toEqual(wanted);
  expect(
    (await store.inventory()).filter((path) => path.includes("incoming") || path.includes("ingest/")),
  ).toEqual([]);
}

async function withRoot(work: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "berth-crash-"));
  try {
    await work(root);
    expect(mountsBelow(root)).toEqual([]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const IMPORT_POINTS: Record<string, string[]> = {
  erofs: [
    "layer-index-durable",
    "blob-synced",
    "blob-renamed",
    "layer-index-renamed",
    "layer-durable",
    "image-recorded",
  ],
  overlay: ["layer-synced", "blob-synced", "blob-renamed", "layer-durable", "image-recorded"],
};

for (const driver of ["erofs", "overlay"]) {
  describe(`killed (${driver})`, () => {
    for (const point of IMPORT_POINTS[driver]!) {
      test(`at ${point} of an import: the next start has the whole image or none`, async () => {
        await withRoot(async (root) => {
          await dieAt(point, root, driver, IMPORT);
          const store = await TestStore.open(root, driver as never);
          await expectSound(store);
          expect((await store.images.list()).length).toBe(point === "image-recorded" ? 1 : 0);
          await store.images.import(chunksOf(layer), { repository: "new" });
          await expectSound(store);
          await store.close();
        });
      });
    }

    for (const point of BUILD_POINTS[driver]!) {
      test(`at ${point} of a build: the next start has the whole image or none`, async () => {
        await withRoot(async (root) => {
          await dieAt(point, root, driver, BUILD);
          const store = await TestStore.open(root, driver as never);
          await expectSound(store);
          expect((await store.images.list()).length).toBe(point === "image-recorded" ? 1 : 0);
          await store.close();
        });
      });
    }

    test("at layer-durable of a build whose layers are in the cache: these are there still", async () => {
      await withRoot(async (root) => {
        await dieAt("layer-durable", root, driver, BUILD.replace("process.env.PINNED", '"1"'));
        const store = await TestStore.open(root, driver as never);
        const pinned = store.db.all<{ diff_id: `sha256:${string}` }>("SELECT diff_id FROM images_pins");
        using view = await store.images.builds.layers.view(pinned.map(({ diff_id }) => diff_id as never));
        expect(listTree(view)).toEqual(files);
        expect(await store.images.list()).toEqual([]);
        await store.close();
      });
    });

    test("at image-recorded of a load", async () => {
      await withRoot(async (root) => {
        const archive = join(root, "archive.tar");
        {
          await using store = await TestStore.create();
          await store.images.import(chunksOf(layer), { repository: "new" });
          await Bun.write(archive, Buffer.concat(await Array.fromAsync(store.images.save(["new"]))));
        }
        await dieAt(
          "image-recorded",
          root,
          driver,
          LOAD.replace('process.argv[1] ?? "archive.tar"', JSON.stringify(archive)),
        );
        const store = await TestStore.open(root, driver as never);
        await expectSound(store);
        expect((await store.images.list()).length).toBe(1);
        await store.close();
      });
    });

    test("at layer-rows-removed of a removal: nothing of the image is left", async () => {
      await withRoot(async (root) => {
        await dieAt("layer-rows-removed", root, driver, `${IMPORT} await images.remove("new");`);
        const store = await TestStore.open(root, driver as never);
        expect(await store.images.list()).toEqual([]);
        await expectSound(store);
        await store.close();
      });
    });

    for (const point of ["snapshot-recorded", "snapshot-trashed"]) {
      test(`at ${point}: the snapshot can be made, or removed, again`, async () => {
        await withRoot(async (root) => {
          const work = `const id = images.resolve("new").id; await images.snapshots.prepare("k", id); await images.snapshots.remove("k");`;
          await dieAt(point, root, driver, `${IMPORT} ${work}`);
          const store = await TestStore.open(root, driver as never);
          await store.images.snapshots.prepare("k", store.images.resolve("new").id);
          (await store.images.snapshots.view("k")).close();
          await store.images.snapshots.remove("k");
          await expectSound(store);
          await store.close();
        });
      });
    }
  });
}

describe("what is missing or damaged on disk", () => {
  test("an index that was lost or cut short is made again from the tar", async () => {
    await withRoot(async (root) => {
      const store = await TestStore.open(root, "erofs");
      const id = await store.images.import(chunksOf(layer), { repository: "new" });
      await store.close();
      const hex = (await store.inventory())
        .map((path) => /([0-9a-f]{64}).erofs/.exec(path)?.[1])
        .find(Boolean)!;
      const index = join(root, "snapshots/indexes", `${hex}.erofs`);
      for (const damage of ["", (await Bun.file(index).text()).slice(0, 1600)]) {
        if (damage === "") await rm(index);
        else await Bun.write(index, damage);
        const again = await TestStore.open(root, "erofs");
        await again.images.snapshots.prepare("k", id);
        using view = await again.images.snapshots.view("k");
        expect(listTree(view)).toEqual(files);
        await again.images.snapshots.remove("k");
        await again.close();
      }
    });
  });

  test("layers of another snapshotter are made again from their tars", async () => {
    await withRoot(async (root) => {
      const first = await TestStore.open(root, "erofs");
      const id = await first.images.import(chunksOf(layer), { repository: "new" });
      await first.close();
      for (const driver of ["overlay", "erofs", "overlay"] as const) {
        const store = await TestStore.open(root, driver);
        expect(store.images.snapshots.driver).toBe(driver === "overlay" ? "overlay2" : "erofs");
        await store.images.snapshots.prepare("k", id);
        using view = await store.images.snapshots.view("k");
        expect(listTree(view)).toEqual(files);
        await store.images.snapshots.remove("k");
        await store.close();
      }
    });
  });

  test("a tar that was altered is never used for that", async () => {
    await withRoot(async (root) => {
      const store = await TestStore.open(root, "erofs");
      const id = await store.images.import(chunksOf(layer), { repository: "new" });
      await store.close();
      const hex = (await store.inventory())
        .map((path) => /([0-9a-f]{64}).erofs/.exec(path)?.[1])
        .find(Boolean)!;
      await rm(join(root, "snapshots/indexes", `${hex}.erofs`));
      await Bun.write(join(root, "blobs/sha256", hex), tar(file("evil")));
      const again = await TestStore.open(root, "erofs");
      await again.images.snapshots.prepare("k", id);
      expect(again.images.snapshots.view("k")).rejects.toThrow("is damaged on disk");
      await again.close();
    });
  });
});
