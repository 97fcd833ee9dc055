import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HeldLayers, Images as ImagesPort, Layers as LayersPort, NewImage } from "../build/ports.ts";
import { type Digest, digestHex, digestOf } from "../lib/index.ts";
import { unmount } from "../linux/index.ts";
import type { BuildFacts } from "./index.ts";
import { chunksOf, dir, file, listTree, type Member, readText, tar } from "./testing.ts";
import { TestStore } from "./testing-store.ts";

let root: string;
let store: TestStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-builds-"));
  store = await TestStore.open(root);
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const PLATFORM = { os: "linux", architecture: "amd64", variant: "", osVersion: "" };
const FACTS: BuildFacts = {
  dockerfile: digestOf("FROM scratch"),
  context: undefined,
  arguments: {},
  bases: [],
  provenance: undefined,
};

/** They fit what the builder asks for. */
const ports = (): { layers: LayersPort; images: ImagesPort } => ({
  layers: store.images.builds.layers,
  images: store.images.builds,
});

async function addLayer(...members: Member[]): Promise<HeldLayers> {
  await using layer = await ports().layers.receive(chunksOf(tar(...members)));
  return await layer.keep();
}

const imageOf = (
  layers: readonly Digest[],
  names: readonly string[],
  more: Partial<NewImage> = {},
): NewImage => ({
  created: "2024-01-01T00:00:00Z",
  author: "",
  platform: PLATFORM,
  config: { Cmd: ["sh"] },
  layers,
  history: [{ created: "2024-01-01T00:00:00Z", createdBy: "RUN x" }],
  names,
  parent: undefined,
  inlineCache: undefined,
  how: () => FACTS,
  ...more,
});

async function reopen(): Promise<void> {
  await store.close();
  store = await TestStore.open(root);
}

test("an image is recorded with its names, and found again with what it was made of", async () => {
  const { layers, images } = ports();
  using held = await addLayer(dir("etc"), file("etc/motd", "hello"));
  const full = images.fullName("me/tool");
  expect(full).toBe("docker.io/me/tool:latest");
  const id = await images.record(
    imageOf(held.layers, [full, "docker.io/me/tool:2"], { inlineCache: { keys: [1] } }),
  );
  expect(store.told()).toEqual(["tag me/tool:latest", "tag me/tool:2"]);
  const found = await images.find(full, {
    platform: PLATFORM,
    pull: false,
    credentials: async () => undefined,
    report: () => {},
    signal: AbortSignal.timeout(5000),
  });
  using _found = found;
  expect(found).toMatchObject({
    id,
    manifestDigest: undefined,
    inlineCache: { keys: [1] },
    layers: held.layers,
  });
  expect(images.fullName(digestHex(id).slice(0, 12))).toBe(id);
  expect(store.db.all("SELECT * FROM images_unsynced")).toEqual([]);
  using view = await layers.view(found.layers);
  expect(readText(view, "/etc/motd")).toBe("hello");
  expect((await store.images.versions.list("me/tool"))[0]).toMatchObject({ How: { Kind: "build" } });
});

test("an image that is here under its names already waits for the disk only where another does", async () => {
  await store.close();
  const syncs: (() => void)[] = [];
  let isHeld = false;
  const sync = () =>
    new Promise<void>((resolve) => {
      syncs.push(resolve);
      if (!isHeld) resolve();
    });
  store = await TestStore.open(root, undefined, { sync });
  const { images } = ports();
  using held = await addLayer(file("a", "1"));
  const record = (...names: string[]) => images.record(imageOf(held.layers, names));
  await record("docker.io/me/a:1");
  const first = syncs.length;
  expect(first).toBeGreaterThan(0);
  await record("docker.io/me/a:1");
  expect(syncs.length).toBe(first);
  isHeld = true;
  const ended: string[] = [];
  const both = [record("docker.io/me/a:2"), record("docker.io/me/a:2")].map((one) =>
    one.then(() => ended.push("recorded")),
  );
  while (syncs.length === first) await Bun.sleep(1);
  expect(ended).toEqual([]);
  isHeld = false;
  syncs.at(-1)!();
  await Promise.all(both);
  expect(ended.length).toBe(2);
});

test("a pin keeps layers over rmi, prune and a restart, until it goes", async () => {
  const { images } = ports();
  {
    using held = await addLayer(file("a", "12345"));
    await images.record(imageOf(held.layers, ["docker.io/library/a:1"]));
    ports().layers.pin("record", held.layers);
    expect(ports().layers.isInImage(held.layers[0]!)).toBe(true);
    expect(store.images.layersSize()).toBe(5);
  }
  const layer = store.db.get<{ diff_id: Digest }>("SELECT diff_id FROM images_pins")!.diff_id;
  await store.images.remove("a:1");
  await store.images.prune();
  expect(store.images.layersSize()).toBe(0);
  expect(ports().layers.isInImage(layer)).toBe(false);
  await reopen();
  expect(ports().layers.size(layer)).toBe(5);
  expect(await ports().layers.collect()).toBe(0);
  ports().layers.unpin("record");
  expect(await ports().layers.collect()).toBe(5);
  expect(() => ports().layers.size(layer)).toThrow("layer does not exist");
  await expect(ports().layers.hold([layer])).rejects.toThrow("layer does not exist");
});

test("a layer that nobody pinned or recorded goes when nobody holds it", async () => {
  const before = await store.inventory();
  {
    using _held = await addLayer(file("a", "1"));
    expect(await ports().layers.collect()).toBe(0);
  }
  expect(await ports().layers.collect()).toBe(1);
  expect(await store.inventory()).toEqual(before);
});

test("a tree is written to, read as a layer, and forgotten", async () => {
  const { layers } = ports();
  const target = await mkdtemp(join(tmpdir(), "berth-tree-"));
  try {
    using base = await addLayer(dir("etc"), file("etc/motd", "hello"));
    await using tree = await layers.prepare(base.layers);
    await tree.mount(target);
    await writeFile(join(target, "new"), "n");
    await writeFile(join(target, "etc/hosts"), "");
    unmount(target);
    await using layer = await layers.receive(tree.diff({ exclude: ["/etc/hosts"] }));
    using kept = await layer.keep();
    using view = await layers.view(kept.layers);
    expect(listTree(view)).toEqual(["new file"]);
  } finally {
    unmount(target, { lazy: true });
    await rm(target, { recursive: true });
  }
  await reopen();
  expect((await store.inventory()).filter((path) => path.includes("writable/"))).toEqual([]);
});

test("a layer whose form for mounting was lost is made again", async () => {
  const { layers } = ports();
  using base = await addLayer(file("a", "still here"));
  const target = await mkdtemp(join(tmpdir(), "berth-tree-"));
  try {
    const index = `snapshots/${store.images.snapshots.driver === "erofs" ? "indexes" : "layers"}`;
    await rm(join(root, index), { recursive: true });
    await mkdir(join(root, index));
    await using tree = await layers.prepare(base.layers);
    await tree.mount(target);
    expect(await readFile(join(target, "a"), "utf8")).toBe("still here");
  } finally {
    unmount(target, { lazy: true });
    await rm(target, { recursive: true });
  }
});

/** As if the machine had been started anew since. */
const beforeBoot = () => store.db.run("UPDATE images_unsynced SET boot = 'another'");

test("what a power cut may have damaged is looked at: whole layers stay, others go with their pins", async () => {
  using whole = await addLayer(file("a", "whole"));
  using damaged = await addLayer(file("b", "damaged"));
  ports().layers.pin("one", whole.layers);
  ports().layers.pin("two", damaged.layers);
  beforeBoot();
  const path = join(root, "blobs/sha256", digestHex(damaged.layers[0]!));
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(0, 512, 520));
  const again = await TestStore.open(root);
  try {
    const { layers } = again.images.builds;
    expect(layers.size(whole.layers[0]!)).toBe(5);
    using view = await layers.view(whole.layers);
    expect(readText(view, "/a")).toBe("whole");
    expect(() => layers.size(damaged.layers[0]!)).toThrow("layer does not exist");
    expect(again.db.all("SELECT owner FROM images_pins")).toEqual([{ owner: "one" }]);
    expect((await again.inventory()).some((name) => name.includes(digestHex(damaged.layers[0]!)))).toBe(
      false,
    );
  } finally {
    await again.close();
  }
});

test("a pulled or loaded image never stands on a layer that is not on disk", async () => {
  using held = await addLayer(file("a", "1"));
  expect(store.db.all("SELECT * FROM images_unsynced")).toHaveLength(1);
  await store.images.import(chunksOf(tar(file("a", "1"))), { repository: "imported" });
  expect(store.db.all("SELECT * FROM images_unsynced")).toEqual([]);
  expect(ports().layers.isInImage(held.layers[0]!)).toBe(true);
});
