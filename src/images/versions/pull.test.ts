import { expect, setDefaultTimeout, test } from "bun:test";
import { configFor, FakeRegistry, IMPATIENCE } from "../../distribution/testing.ts";
import { file, tar } from "../testing.ts";
import { TestStore } from "../testing-store.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

async function withStore(work: (registry: FakeRegistry, store: TestStore) => Promise<void>): Promise<void> {
  await using registry = await FakeRegistry.start();
  await using store = await TestStore.create(undefined, {
    registries: configFor({}),
    patience: IMPATIENCE,
  });
  await work(registry, store);
}

const pull = ({ images }: TestStore, name: string) =>
  images.pull({ name }, undefined, () => {}, new AbortController().signal);
const layer = (text: string) => tar(file("content", text));
const idsOf = async ({ images }: TestStore) => (await images.list({ all: true })).map(({ Id }) => Id).sort();

test("a pull is recorded with its registry and digest, and only where the name moves", async () => {
  await withStore(async (registry, store) => {
    const name = `${registry.host}/app:v1`;
    const first = registry.addImage("app", "v1", [layer("1")]);
    await pull(store, name);
    await pull(store, name);
    const second = registry.addImage("app", "v1", [layer("2")]);
    await pull(store, name);
    expect(await store.images.versions.list(name)).toMatchObject([
      { Image: second.config, How: { Kind: "pull", Registry: registry.host, Digest: second.manifest } },
      { Image: first.config, How: { Kind: "pull", Registry: registry.host, Digest: first.manifest } },
    ]);
  });
});

test("an image that is gone is had again by its digest, and rolled back to", async () => {
  await withStore(async (registry, store) => {
    const name = `${registry.host}/app:v1`;
    const first = registry.addImage("app", "v1", [layer("1")]);
    await pull(store, name);
    registry.addImage("app", "v1", [layer("2")]);
    await pull(store, name);
    await store.images.prune();
    const again = `${registry.host}/app@${first.manifest}`;
    expect((await store.images.versions.list(name))[1]).toMatchObject({
      State: "gone",
      PullReference: again,
    });
    await expect(store.images.versions.rollBack(name)).rejects.toThrow(`"pull ${again}" brings it back`);
    await pull(store, again);
    expect(await store.images.versions.rollBack(name)).toMatchObject({ Image: first.config, Restored: 1 });
    expect(store.images.resolve(name).id).toBe(first.config);
  });
});

test("what a tag's version brought goes with it, digest and all; what was pulled by digest stays", async () => {
  await withStore(async (registry, store) => {
    store.images.versions.configure({ count: 1, ageMs: undefined });
    const name = `${registry.host}/app:v1`;
    registry.addImage("app", "v1", [layer("1")]);
    await pull(store, name);
    const second = registry.addImage("app", "v1", [layer("2")]);
    await pull(store, name);
    await store.images.versions.settled();
    expect(await idsOf(store)).toEqual([second.config]);
    await pull(store, `${registry.host}/app@${second.manifest}`);
    const third = registry.addImage("app", "v1", [layer("3")]);
    await pull(store, name);
    await store.images.versions.settled();
    expect(await idsOf(store)).toEqual([second.config, third.config].sort());
    expect(await store.images.versions.prune()).toMatchObject({ ImagesDeleted: null });
    // Once its name is removed, it is like any other.
    await store.images.remove(`${registry.host}/app@${second.manifest}`);
    expect(await idsOf(store)).toEqual([third.config]);
  });
});
