import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { configFor, FakeRegistry, IMPATIENCE } from "../../distribution/testing.ts";
import { type Digest, digestHex, digestOf } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { chunksOf, file, tar } from "../testing.ts";
import { TestStore } from "../testing-store.ts";

setDefaultTimeout(60_000);

const NEVER = new AbortController().signal;
const GIB = 2 ** 30;
const base = tar(file("base", "x".repeat(5000)));
const top = tar(file("top", crypto.getRandomValues(new Uint8Array(60_000))));
const filesBytes = 5000 + 60_000;

/** What is free on the disk, as far as the store is told. */
class Disk {
  free = () => GIB;
  readonly asked = async () => this.free();
}

async function withStore(
  work: (registry: FakeRegistry, store: TestStore, disk: Disk) => Promise<void>,
): Promise<void> {
  await using registry = await FakeRegistry.start();
  const disk = new Disk();
  const more = { registries: configFor(), patience: IMPATIENCE, freeBytes: disk.asked };
  await using store = await TestStore.create(undefined, more);
  await work(registry, store, disk);
}

const pull = ({ images }: TestStore, name: string) => images.pull({ name }, undefined, () => {}, NEVER);

async function push({ images }: TestStore, name: string, tag: string): Promise<string[]> {
  const said: string[] = [];
  const report = ({ status, progressDetail }: JsonMessage) => {
    if (status !== undefined && progressDetail?.current === undefined) said.push(status);
  };
  await images.push({ name, tag }, undefined, report, NEVER);
  return said;
}

const isKept = ({ root }: TestStore, digest: Digest) =>
  existsSync(join(root, "blobs", "sha256", digestHex(digest)));

test("the compressed forms of layers are counted beside the layers, each once", async () => {
  await withStore(async (registry, store) => {
    const forms = registry.addImage("app", "v1", [base, top]);
    registry.addImage("more", "v1", [base]);
    await pull(store, `${registry.host}/app:v1`);
    await pull(store, `${registry.host}/more:v1`);
    const formBytes = forms.layers.reduce((sum, digest) => sum + registry.blobs.get(digest)!.length, 0);
    expect(store.images.layersSize()).toBe(filesBytes + formBytes);
    const [image] = (await store.images.list({ sharedSize: true })).filter(({ Size }) => Size > 5000);
    expect(image).toMatchObject({ Size: filesBytes, SharedSize: 5000 });
    await store.images.remove(`${registry.host}/more:v1`);
    const { SpaceReclaimed } = await store.images.prune({ dangling: ["false"] });
    expect(SpaceReclaimed).toBe(filesBytes + formBytes);
    expect(store.images.layersSize()).toBe(0);
  });
});

test("a layer that travels uncompressed is counted once", async () => {
  await withStore(async (registry, store) => {
    registry.addImage("app", "v1", [base], {
      compress: (bytes) => bytes,
      layerType: "application/vnd.oci.image.layer.v1.tar",
    });
    await pull(store, `${registry.host}/app:v1`);
    expect(store.images.layersSize()).toBe(5000);
    await store.images.prune({ compressed: ["true"] });
    expect(store.images.layersSize()).toBe(5000);
  });
});

test("pruning keeps compressed forms, unless it is asked not to; forms of no registry stay in any case", async () => {
  await withStore(async (registry, store) => {
    const { layers } = registry.addImage("app", "v1", [base]);
    await pull(store, `${registry.host}/app:v1`);
    await store.images.prune({});
    expect(isKept(store, layers[0]!)).toBe(true);
    const { SpaceReclaimed } = await store.images.prune({ compressed: ["true"] });
    expect(SpaceReclaimed).toBe(registry.blobs.get(layers[0]!)!.length);
    expect(isKept(store, layers[0]!)).toBe(false);
    expect(store.images.layersSize()).toBe(5000);
    expect((await store.images.inspect(`${registry.host}/app:v1`)).RootFS?.Layers).toEqual([digestOf(base)]);
  });
});

test("where the disk is short, forms go before an import fails", async () => {
  await withStore(async (registry, store, disk) => {
    const { layers } = registry.addImage("app", "v1", [base]);
    await pull(store, `${registry.host}/app:v1`);
    disk.free = () => (isKept(store, layers[0]!) ? 0 : GIB);
    await store.images.import(chunksOf(tar(file("new", "new"))), { repository: "new" });
    expect(isKept(store, layers[0]!)).toBe(false);
    expect(store.images.resolve(`${registry.host}/app:v1`)).toBeDefined();
  });
});

test("where nothing can be removed, what comes is refused and leaves nothing", async () => {
  await withStore(async (_, store, disk) => {
    disk.free = () => 0;
    await expect(store.images.import(chunksOf(base), { repository: "new" })).rejects.toMatchObject({
      kind: "System",
      message: `write ${store.root}: no space left on device`,
    });
    expect(await store.images.list()).toEqual([]);
  });
});

test("what was removed for want of space is mounted in the same registry, and the digest stays", async () => {
  await withStore(async (registry, store) => {
    const { manifest } = registry.addImage("app", "v1", [base, top]);
    await pull(store, `${registry.host}/app:v1`);
    await store.images.prune({ compressed: ["true"] });
    await store.images.tag(`${registry.host}/app:v1`, `${registry.host}/copy`, "v2");
    const said = await push(store, `${registry.host}/copy`, "v2");
    expect(said.filter((text) => text === "Mounted from app").length).toBe(2);
    expect(digestOf(registry.manifests.get("copy@v2")!.bytes)).toBe(manifest);
  });
});

test("another registry gets it by way of the one that has it, and it is kept again", async () => {
  await withStore(async (registry, store) => {
    await using other = await FakeRegistry.start();
    const { manifest, layers } = registry.addImage("app", "v1", [top]);
    await pull(store, `${registry.host}/app:v1`);
    await store.images.prune({ compressed: ["true"] });
    await store.images.tag(`${registry.host}/app:v1`, `${other.host}/copy`, "v2");
    const said = await push(store, `${other.host}/copy`, "v2");
    expect(said).toContain("Pushed");
    expect(digestOf(other.manifests.get("copy@v2")!.bytes)).toBe(manifest);
    expect(isKept(store, layers[0]!)).toBe(true);
    expect(store.images.layersSize()).toBe(60_000 + registry.blobs.get(layers[0]!)!.length);
  });
});

test("where nobody has it any more it is compressed anew, and that is said", async () => {
  await withStore(async (registry, store) => {
    await using other = await FakeRegistry.start();
    const { layers, config } = registry.addImage("app", "v1", [top], {
      compress: (bytes) => gzipSync(bytes, { level: 1 }),
    });
    await pull(store, `${registry.host}/app:v1`);
    await store.images.prune({ compressed: ["true"] });
    registry.blobs.clear();
    await store.images.tag(`${registry.host}/app:v1`, `${other.host}/copy`, "v2");
    const said = await push(store, `${other.host}/copy`, "v2");
    expect(said.some((text) => text.includes("compressed anew"))).toBe(true);
    const pushed = JSON.parse(Buffer.from(other.manifests.get("copy@v2")!.bytes).toString());
    expect(pushed.config.digest).toBe(config);
    expect(pushed.layers[0].digest).not.toBe(layers[0]);
  });
});

test("bytes of another content are not taken for what was removed", async () => {
  await withStore(async (registry, store) => {
    await using other = await FakeRegistry.start();
    const { layers } = registry.addImage("app", "v1", [top]);
    await pull(store, `${registry.host}/app:v1`);
    await store.images.prune({ compressed: ["true"] });
    const bytes = registry.blobs.get(layers[0]!)!;
    registry.blobs.set(layers[0]!, bytes.with(100, bytes[100]! ^ 1));
    await store.images.tag(`${registry.host}/app:v1`, `${other.host}/copy`, "v2");
    await push(store, `${other.host}/copy`, "v2");
    expect(other.blobs.has(layers[0]!)).toBe(false);
    expect(isKept(store, layers[0]!)).toBe(false);
  });
});

test("a removed form stays removed over a start, and its file does not come back", async () => {
  await using registry = await FakeRegistry.start();
  await using store = await TestStore.create(undefined, { registries: configFor(), patience: IMPATIENCE });
  const { layers } = registry.addImage("app", "v1", [top]);
  await pull(store, `${registry.host}/app:v1`);
  // As if the power had gone between the row and the file.
  store.db.run("UPDATE images_blobs SET dropped = 1");
  expect(isKept(store, layers[0]!)).toBe(true);
  await store.close();
  const again = await TestStore.open(store.root);
  try {
    expect(isKept(again, layers[0]!)).toBe(false);
    expect(again.images.layersSize()).toBe(60_000);
  } finally {
    await again.close();
  }
});
