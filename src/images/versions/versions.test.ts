import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { asCaller } from "../../lib/caller/index.ts";
import type { ImageVersion } from "../../wire/index.ts";
import { chunksOf, file, tar } from "../testing.ts";
import { TestStore } from "../testing-store.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

let store: TestStore;
beforeEach(async () => {
  store = await TestStore.create("overlay");
});
afterEach(() => store[Symbol.asyncDispose]());

const content = (text: string) => chunksOf(tar(file("content", text)));
const imported = (text: string, repository?: string, tag?: string) =>
  store.images.import(content(text), { repository, tag });
const log = (name: string) => store.images.versions.list(name);
const brief = ({ Number: number, How, State, Current }: ImageVersion) =>
  `${number} ${How.Kind} ${State}${Current ? " now" : ""}`;
const briefLog = async (name: string) => (await log(name)).map(brief);
const idsOf = async () => new Set((await store.images.list({ all: true })).map(({ Id }) => Id));

describe("what is recorded", () => {
  test("each move of a name, and nothing where it does not move", async () => {
    const one = await imported("1", "app");
    const two = await imported("2", "app");
    await store.images.tag(two, "app");
    await store.images.tag("app", "other", "x");
    expect(await briefLog("app")).toEqual(["2 import present now", "1 import present"]);
    expect(await log("app")).toMatchObject([
      { Number: 2, Image: two, Before: one, Changes: { LayersAdded: 1, LayersRemoved: 1, SizeDelta: 0 } },
      { Number: 1, Image: one, Before: "", Changes: null, Size: 1, Layers: 1 },
    ]);
    expect(await log("other:x")).toMatchObject([{ How: { Kind: "tag", From: "app:latest" }, Image: two }]);
    await store.images.tag(one, "by-id");
    expect((await log("by-id"))[0]!.How).toEqual({ Kind: "tag", From: one });
  });

  test("for whom it was", async () => {
    await asCaller({ user: "alice", client: "docker/28" }, () => imported("1", "app"));
    await imported("2", "app");
    expect((await log("app")).map(({ User, Client }) => [User, Client])).toEqual([
      ["daemon", ""],
      ["alice", "docker/28"],
    ]);
  });

  test("load and commit, with the container", async () => {
    const id = await imported("1", "app");
    const archive = Buffer.concat(await Array.fromAsync(store.images.save(["app"])));
    await store.images.remove("app");
    await store.images.load(chunksOf(archive));
    expect(await briefLog("app")).toEqual(["3 load present now", "2 untag none", "1 import present"]);
    await store.images.snapshots.prepare("c1", id);
    await store.images.commit({
      containerId: "c1",
      containerName: "web",
      imageId: id,
      config: { Cmd: ["sh"], Env: ["A=1"] },
      repository: "app",
    });
    await store.images.snapshots.remove("c1");
    expect((await log("app"))[0]).toMatchObject({
      How: { Kind: "commit", Container: "c1", ContainerName: "web" },
      Changes: { LayersAdded: 0, LayersRemoved: 0, SizeDelta: 0, Config: ["Cmd", "Env"] },
    });
  });

  test("that a name was removed, be it by name, by id or by force", async () => {
    const id = await imported("1", "app");
    await store.images.tag("app", "app", "2");
    await store.images.remove("app:2");
    expect(await briefLog("app:2")).toEqual(["2 untag none", "1 tag present"]);
    await store.images.remove(id);
    expect(await briefLog("app")).toEqual(["2 untag none", "1 import gone"]);
    expect((await log("app"))[0]).toMatchObject({ Image: "", Before: id, Current: false, Size: 0 });
  });

  test("it survives a restart, and names of before are known", async () => {
    await imported("1", "app");
    store.db.run("DELETE FROM images_versions");
    await imported("2", "app");
    expect(await briefLog("app")).toEqual(["2 import present now", "1 earlier present"]);
    await store.close();
    store = await TestStore.open(store.root, "overlay");
    expect(await briefLog("app")).toEqual(["2 import present now", "1 earlier present"]);
  });

  test("names that were there before berth recorded moves have a first version", async () => {
    const id = await imported("12345", "app");
    store.db.run("DROP TABLE images_versions");
    store.db.run("DELETE FROM migrations WHERE room = 'images_versions'");
    await store.close();
    store = await TestStore.open(store.root, "overlay");
    expect(await log("app")).toMatchObject([
      { Number: 1, Image: id, Size: 5, Layers: 1, How: { Kind: "earlier" }, Current: true },
    ]);
  });

  test("errors say what is wrong", async () => {
    const id = await imported("1", "app");
    await expect(log("nothing")).rejects.toThrow("No such image: nothing:latest");
    await expect(log(`app@${id}`)).rejects.toThrow("only tags have versions: a digest never moves");
    await expect(log("A!")).rejects.toThrow("invalid reference format");
  });
});

describe("rollback", () => {
  test("goes to the version before, is a version itself, and can be undone", async () => {
    const one = await imported("1", "app");
    const two = await imported("2", "app");
    expect(await store.images.versions.rollBack("app")).toEqual({
      Name: "app:latest",
      Restored: 1,
      Number: 3,
      Image: one,
      Before: two,
    });
    expect(store.images.resolve("app").id).toBe(one);
    expect((await log("app"))[0]).toMatchObject({ How: { Kind: "rollback", Version: 1 }, Image: one });
    await store.images.versions.rollBack("app");
    expect(store.images.resolve("app").id).toBe(two);
    expect(await briefLog("app")).toHaveLength(4);
  });

  test("goes to any version, also of a name that was removed", async () => {
    const one = await imported("1", "app");
    await imported("2", "app");
    await imported("3", "app");
    await store.images.versions.rollBack("app", 1);
    expect(store.images.resolve("app").id).toBe(one);
    await store.images.tag("app", "keep");
    await store.images.remove("app");
    expect((await store.images.versions.rollBack("app")).Image).toBe(one);
    expect(store.images.resolve("app").id).toBe(one);
  });

  test("errors say what to do", async () => {
    const one = await imported("1", "app");
    const { versions } = store.images;
    await expect(versions.rollBack("app")).rejects.toThrow("app:latest has no earlier version to go back to");
    await expect(versions.rollBack("app", 1)).rejects.toThrow("app:latest is at version 1 already");
    await imported("2", "app");
    await expect(versions.rollBack("app", 9)).rejects.toThrow("app:latest has no version 9; kept are 1, 2");
    await store.images.remove(one);
    await expect(versions.rollBack("app")).rejects.toThrow(
      `the image of version 1 of app:latest is gone (${one.slice(0, 19)}): it was not pulled, so that it can only be made anew`,
    );
  });
});

describe("what is kept", () => {
  test("the old image is dangling, as with Docker, and one that is pruned is gone", async () => {
    await imported("1", "app");
    await imported("2", "app");
    expect(await store.images.list({ filters: { dangling: ["true"] } })).toHaveLength(1);
    await store.images.prune();
    expect(await briefLog("app")).toEqual(["2 import present now", "1 import gone"]);
  });

  async function limited(count: number, ageMs?: number): Promise<void> {
    store.images.versions.configure({ count, ageMs });
    await store.images.versions.settled();
  }

  test("so many versions; the images of those that go, go too", async () => {
    await limited(3);
    const ids: string[] = [];
    for (let n = 1; n <= 5; n++) ids.push(await imported(String(n), "app"));
    await store.images.versions.settled();
    expect((await log("app")).map((version) => version.Number)).toEqual([5, 4, 3]);
    expect(await idsOf()).toEqual(new Set(ids.slice(2)));
    const layers = (await store.inventory()).filter((path) => path.startsWith("blobs/sha256/"));
    expect(layers).toHaveLength(3);
    expect(store.told().filter((event) => event.startsWith("delete"))).toHaveLength(2);
  });

  test("an image that something else needs stays", async () => {
    await limited(1);
    const tagged = await imported("1", "app");
    await store.images.tag("app", "kept");
    const used = await imported("2", "app");
    store.images.hold("c1", used);
    const version = await imported("3", "app");
    await store.images.tag("app", "second");
    store.images.versions.configure({ count: 2, ageMs: undefined });
    await imported("4", "second");
    const base = await imported("5", "app");
    await store.images.snapshots.prepare("c2", base);
    await store.images.commit({ containerId: "c2", imageId: base, config: {}, repository: "child" });
    await store.images.snapshots.remove("c2");
    await imported("6", "app");
    await imported("7", "app");
    await limited(1);
    store.images.versions.configure({ count: 2, ageMs: undefined });
    const left = await idsOf();
    expect([tagged, used, base].map((id) => left.has(id))).toEqual([true, true, true]);
    expect(left.has(version)).toBe(false);
  });

  test("what an image that goes was made from goes with it", async () => {
    await limited(1);
    const base = await imported("1", "app");
    await store.images.snapshots.prepare("c", base);
    await store.images.commit({ containerId: "c", imageId: base, config: { Cmd: ["x"] }, repository: "app" });
    await store.images.snapshots.remove("c");
    await store.images.versions.settled();
    expect((await idsOf()).size).toBe(2);
    const last = await imported("2", "app");
    await store.images.versions.settled();
    expect(await idsOf()).toEqual(new Set([last]));
  });

  test("versions go by the time since they were left, the present one never", async () => {
    const one = await imported("1", "app");
    const two = await imported("2", "app");
    const day = 24 * 3600 * 1000;
    store.db.run("UPDATE images_versions SET time_ms = time_ms - ? WHERE number = 1", 100 * day);
    await limited(10, 30 * day);
    expect(await idsOf()).toEqual(new Set([one, two]));
    store.db.run("UPDATE images_versions SET time_ms = time_ms - ?", 31 * day);
    await limited(10, 30 * day);
    expect(await briefLog("app")).toEqual(["2 import present now"]);
    expect(await idsOf()).toEqual(new Set([two]));
  });

  test("with none to keep, nothing is recorded and nothing removed", async () => {
    await imported("1", "app");
    await limited(0);
    await imported("2", "app");
    await store.images.versions.settled();
    expect((await idsOf()).size).toBe(2);
    await expect(log("app")).rejects.toThrow("no versions of app:latest are kept");
  });

  test("prune forgets all but the present ones", async () => {
    for (let n = 1; n <= 3; n++) await imported(String(n).repeat(10), "app");
    const kept = await imported("other", "other");
    const present = store.images.resolve("app").id;
    expect(await store.images.versions.prune({ until: ["1h"] })).toMatchObject({ VersionsDeleted: null });
    const pruned = await store.images.versions.prune();
    expect(pruned.VersionsDeleted).toEqual(["app:latest@2", "app:latest@1"]);
    expect(pruned.ImagesDeleted?.filter(({ Deleted }) => Deleted)).toHaveLength(4);
    expect(pruned.SpaceReclaimed).toBe(20);
    expect(await idsOf()).toEqual(new Set([present, kept]));
    expect(await briefLog("app")).toEqual(["3 import present now"]);
    await expect(store.images.versions.prune({ label: ["x"] })).rejects.toThrow("invalid filter 'label'");
  });
});
