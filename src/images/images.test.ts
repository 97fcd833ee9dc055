import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { digestOf, kindOf, messageOf } from "../lib/index.ts";
import { unmount } from "../linux/index.ts";
import { chunksOf, dir, file, listTree, type Member, readText, tar, whiteout } from "./testing.ts";
import { TestStore } from "./testing-store.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

const rootfs: Member[] = [dir("etc"), file("etc/passwd", "root"), file("bin/sh", "#!")];

async function importOf(
  store: TestStore,
  name: string,
  members: Member[] = rootfs,
  changes: string[] = [],
): Promise<string> {
  const [, repository, tag] = /^(.*?)(?::([^/:]*))?$/.exec(name)!;
  return await store.images.import(chunksOf(tar(...members)), {
    repository: repository!,
    ...(tag === undefined ? {} : { tag }),
    changes,
  });
}

/** A container's writable layer with some files in it. */
async function container(
  store: TestStore,
  key: string,
  imageId: string,
  files: Record<string, string>,
): Promise<void> {
  const { snapshots } = store.images;
  await snapshots.prepare(key, imageId);
  const target = join(store.root, "mnt");
  await mkdir(target, { recursive: true });
  await snapshots.mount(key, target, { volatile: false });
  try {
    for (const [path, content] of Object.entries(files)) await writeFile(join(target, path), content);
  } finally {
    unmount(target);
  }
}

async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return `${kindOf(error)}: ${messageOf(error)}`;
  }
  return "nothing was refused";
}

const id = (digit: string) => digit.repeat(64);

describe("import", () => {
  test("makes an image of one layer, with what the changes say", async () => {
    await using store = await TestStore.create();
    const imageId = await store.images.import(chunksOf(tar(...rootfs)), {
      repository: "me/base",
      tag: "1",
      message: "by hand",
      changes: ['CMD ["/bin/sh"]', "ENV A=b", "EXPOSE 80", "LABEL l=v"],
    });
    const image = await store.images.inspect("me/base:1");
    expect(image).toMatchObject({
      Id: imageId,
      RepoTags: ["me/base:1"],
      RepoDigests: [],
      Comment: "by hand",
      Os: "linux",
      Config: { Cmd: ["/bin/sh"], Env: ["A=b"], ExposedPorts: { "80/tcp": {} }, Labels: { l: "v" } },
      Size: 6,
      RootFS: { Type: "layers", Layers: [digestOf(tar(...rootfs))] },
    });
    expect(await store.images.history(imageId)).toMatchObject([
      { Id: imageId, Tags: ["me/base:1"], Size: 6, Comment: "by hand" },
    ]);
    expect(store.told()).toEqual(["tag me/base:1", `import ${imageId}`]);
    expect(store.events[1]).toMatchObject({ type: "image", actorId: imageId, attributes: { l: "v" } });
  });

  test("takes compressed archives, and shares equal layers", async () => {
    await using store = await TestStore.create();
    const a = await importOf(store, "a");
    const b = await store.images.import(chunksOf(gzipSync(tar(...rootfs))), {
      repository: "b",
      changes: ["ENV X=1"],
    });
    expect(b).not.toBe(a);
    expect((await store.inventory()).filter((path) => /\/sha256\/./.test(path)).length).toBe(1);
    expect((await store.images.list({ sharedSize: true })).map(({ SharedSize }) => SharedSize)).toEqual([
      6, 6,
    ]);
  });

  test("keeps nothing of what it refuses", async () => {
    await using store = await TestStore.create();
    const before = await store.inventory();
    const cases: [source: Uint8Array, options: object, expected: RegExp][] = [
      [Buffer.from("junk"), {}, /unexpected EOF/],
      [Buffer.alloc(5000, 7), {}, /invalid tar header/],
      [tar(file("../x", "x")), {}, /outside of the archive's root/],
      [tar(file("a", "x".repeat(4000))).subarray(0, 3000), {}, /unexpected EOF/],
      [gzipSync(tar(...rootfs)).subarray(0, 60), {}, /cannot decompress gzip/],
      [tar(...rootfs), { changes: ["RUN x"] }, /run is not a valid change command/],
      [
        tar(...rootfs),
        { repository: "Foo" },
        /invalid reference format: repository name \(library\/Foo\) must be lowercase/,
      ],
      [tar(...rootfs), { repository: "x", tag: "a b" }, /invalid tag format/],
      [tar(...rootfs), { platform: "a/b/c/d" }, /invalid platform/],
    ];
    for (const [source, options, expected] of cases) {
      const text = await refusal(() => store.images.import(chunksOf(source), options));
      expect(text).toMatch(expected);
      expect(text).toStartWith("InvalidParameter");
    }
    expect(await store.inventory()).toEqual(before);
    expect(await store.images.list()).toEqual([]);
  });

  test("ends with its client's connection, and keeps nothing", async () => {
    await using store = await TestStore.create();
    const before = await store.inventory();
    const cut = (async function* () {
      yield tar(file("a", "x".repeat(4000))).subarray(0, 2000);
      throw new Error("the client went away");
    })();
    expect(await refusal(() => store.images.import(cut))).toContain("the client went away");
    expect(await store.inventory()).toEqual(before);
  });
});

describe("names", () => {
  test("resolve: id, name, digest, beginning of an id", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "localhost:5000/x:1");
    for (const name of [
      imageId,
      imageId.slice(7),
      imageId.slice(7, 19),
      imageId.slice(0, 15),
      "localhost:5000/x:1",
    ]) {
      expect(store.images.resolve(name).id as string).toBe(imageId);
    }
    expect(store.images.resolve("localhost:5000/x:1").reference).toBe("localhost:5000/x:1");
    expect(store.images.resolve(imageId.slice(7, 12)).reference).toBe(imageId);
    expect(await refusal(() => store.images.resolve("localhost:5000/x"))).toBe(
      "NotFound: No such image: localhost:5000/x:latest",
    );
    expect(await refusal(() => store.images.resolve("nope"))).toBe("NotFound: No such image: nope:latest");
    expect(await refusal(() => store.images.resolve(id("f")))).toBe(
      `NotFound: No such image: sha256:${id("f")}`,
    );
    expect(await refusal(() => store.images.resolve("Foo Bar"))).toStartWith(
      "InvalidParameter: invalid reference format",
    );
    expect(await refusal(() => store.images.resolve(imageId, "linux/riscv64"))).toContain(
      "does not match the specified platform (linux/riscv64)",
    );
    expect(
      store.images.resolve(imageId, process.arch === "x64" ? "linux/x86_64" : "linux/aarch64").id as string,
    ).toBe(imageId);
  });

  test("an ambiguous beginning of an id is refused", async () => {
    await using store = await TestStore.create();
    const ids: string[] = [];
    for (let i = 0; i < 17; i++) ids.push(await importOf(store, `x${i}`, [file("a", String(i))]));
    const first = ids.map((each) => each[7]!);
    const twice = first.find((digit, at) => first.indexOf(digit) !== at)!;
    expect(await refusal(() => store.images.resolve(twice))).toContain(
      "several images have an id that begins with",
    );
  });

  test("a name that looks like an id is refused, wherever it comes from", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "x");
    const words = "InvalidParameter: refusing to create an ambiguous tag using digest algorithm as name";
    expect(await refusal(() => store.images.tag("x", "sha256", id("a")))).toBe(words);
    expect(await refusal(() => importOf(store, "sha256"))).toBe(words);
    const { config, manifest, layerFiles } = parts();
    const archive = tar(config, manifest({ RepoTags: [`sha256:${id("a")}`] }), ...layerFiles);
    expect(await refusal(() => store.images.load(chunksOf(archive)))).toBe(words);
    expect((await store.images.list({ all: true })).map((image) => image.Id)).toEqual([imageId]);
    await store.images.tag("x", "sha256sum", "1");
    expect((await store.images.inspect("sha256sum:1")).Id).toBe(imageId);
  });

  test("a tag moves, and a bare name means latest", async () => {
    await using store = await TestStore.create();
    const [a, b] = [await importOf(store, "x"), await importOf(store, "y", [file("other")])];
    await store.images.tag("y", "x", "");
    await store.images.tag(a, "docker.io/library/z", "2");
    expect(store.images.resolve("x").id as string).toBe(b);
    expect(store.images.resolve("z:2").id as string).toBe(a);
    expect((await store.images.inspect(a)).RepoTags).toEqual(["z:2"]);
    expect((await store.images.inspect(b)).RepoTags).toEqual(["x:latest", "y:latest"]);
    expect(store.told().slice(-2)).toEqual(["tag x:latest", "tag z:2"]);
    const bad: [repository: string, tag: string | undefined, text: string][] = [
      ["", undefined, "invalid reference format"],
      ["Foo", undefined, "invalid reference format: repository name (library/Foo) must be lowercase"],
      [`x@sha256:${id("a")}`, undefined, "refusing to create a tag with a digest reference"],
      ["x", "-", "invalid tag format"],
    ];
    for (const [repository, tag, text] of bad) {
      expect(await refusal(() => store.images.tag("x", repository, tag))).toBe(`InvalidParameter: ${text}`);
    }
    expect(await refusal(() => store.images.tag("nope", "x"))).toBe("NotFound: No such image: nope:latest");
  });
});

describe("list", () => {
  test("filters as Docker's", async () => {
    await using store = await TestStore.create();
    const one = await importOf(store, "one:1", [file("a", "1")], ["LABEL kind=first", "LABEL both=yes"]);
    await Bun.sleep(5);
    const two = await importOf(store, "me/two:1", [file("a", "2")], ["LABEL both=no"]);
    await Bun.sleep(5);
    const three = await store.images.import(chunksOf(tar(file("a", "3"))));
    const ids = async (filters: Record<string, string[]>) =>
      (await store.images.list({ filters })).map(({ Id }) => Id);
    expect(await ids({})).toEqual([three, two, one]);
    expect(await ids({ dangling: ["true"] })).toEqual([three]);
    expect(await ids({ dangling: ["0"] })).toEqual([two, one]);
    expect(await ids({ label: ["kind"] })).toEqual([one]);
    expect(await ids({ label: ["both"] })).toEqual([two, one]);
    expect(await ids({ label: ["both=yes"] })).toEqual([one]);
    expect(await ids({ label: ["both=yes", "kind=other"] })).toEqual([]);
    expect(await ids({ before: ["me/two:1"] })).toEqual([one]);
    expect(await ids({ since: [one.slice(7, 20)] })).toEqual([three, two]);
    expect(await ids({ reference: ["one"] })).toEqual([one]);
    expect(await ids({ reference: ["*"] })).toEqual([one]);
    expect(await ids({ reference: ["*/*:1"] })).toEqual([two]);
    expect(await ids({ reference: ["o[mn]e:?", "nothing"] })).toEqual([one]);
    expect(await ids({ until: ["1h"] })).toEqual([]);
    expect((await ids({ until: ["2999-01-01"] })).length).toBe(3);
    expect(await refusal(() => ids({ bad: ["1"] }))).toBe("InvalidParameter: invalid filter 'bad'");
    expect(await refusal(() => ids({ dangling: ["x"] }))).toBe(
      "InvalidParameter: invalid filter 'dangling=[x]'",
    );
    expect(await refusal(() => ids({ reference: ["["] }))).toBe("InvalidParameter: syntax error in pattern");
    expect(await refusal(() => ids({ before: ["nope"] }))).toBe("NotFound: No such image: nope:latest");
  });
});

describe("remove", () => {
  test("a name only loses that name while there are others; the last one takes the image and its layers", async () => {
    await using store = await TestStore.create();
    const before = await store.inventory();
    const imageId = await importOf(store, "x");
    await store.images.tag("x", "y");
    expect(await store.images.remove("x")).toEqual([{ Untagged: "x:latest" }]);
    expect(await refusal(() => store.images.resolve("x"))).toContain("No such image");
    const layer = digestOf(tar(...rootfs));
    expect(await store.images.remove("y")).toEqual([
      { Untagged: "y:latest" },
      { Deleted: imageId },
      { Deleted: layer },
    ]);
    expect(await store.inventory()).toEqual(before);
    expect(store.told().slice(-3)).toEqual([`untag ${imageId}`, `untag ${imageId}`, `delete ${imageId}`]);
  });

  test("an id takes the image where it has one name, and has to be forced where it has several", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "x");
    const short = imageId.slice(7, 19);
    await store.images.tag("x", "y");
    expect(await refusal(() => store.images.remove(short))).toBe(
      `Conflict: conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    );
    const items = await store.images.remove(short, { force: true });
    expect(items.slice(0, 3)).toEqual([
      { Untagged: "x:latest" },
      { Untagged: "y:latest" },
      { Deleted: imageId },
    ]);
  });

  test("an image that containers were made from", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "x");
    const short = imageId.slice(7, 19);
    await container(store, id("c"), imageId, { new: "1" });
    store.images.hold(id("c"), imageId);
    expect(await refusal(() => store.images.remove("x"))).toBe(
      `Conflict: conflict: unable to remove repository reference "x" (must force) - container ${"c".repeat(12)} is using its referenced image ${short}`,
    );
    expect(await refusal(() => store.images.remove(imageId))).toBe(
      `Conflict: conflict: unable to delete ${short} (must be forced) - image is being used by stopped container ${"c".repeat(12)}`,
    );
    store.running.add(id("c"));
    expect(await refusal(() => store.images.remove(imageId, { force: true }))).toBe(
      `Conflict: conflict: unable to delete ${short} (cannot be forced) - image is being used by running container ${"c".repeat(12)}`,
    );
    store.running.clear();
    // By force only the image goes: what the container stands on stays until it goes, too.
    expect(await store.images.remove("x", { force: true })).toEqual([
      { Untagged: "x:latest" },
      { Deleted: imageId },
    ]);
    expect(await store.images.list()).toEqual([]);
    using view = await store.images.snapshots.view(id("c"));
    expect([readText(view, "new"), readText(view, "etc/passwd")]).toEqual(["1", "root"]);
    expect(await refusal(() => store.images.snapshots.prepare("other", imageId))).toContain("No such image");
    await store.images.snapshots.remove(id("c"));
    await store.images.prune();
    expect(
      (await store.inventory()).filter((path) => /[0-9a-f]{64}/.test(path) && !path.startsWith("trash")),
    ).toEqual([]);
  });

  test("an image that was removed and comes again under its container is the same one", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "x");
    const saved = Buffer.concat(await Array.fromAsync(store.images.save(["x"])));
    await container(store, "k", imageId, {});
    await store.images.remove("x", { force: true });
    await store.images.load(chunksOf(saved));
    expect(store.images.resolve("x").id as string).toBe(imageId);
    await store.images.snapshots.remove("k");
    using view = await (async () => {
      await store.images.snapshots.prepare("k2", imageId);
      return await store.images.snapshots.view("k2");
    })();
    expect(readText(view, "bin/sh")).toBe("#!");
  });

  test("a parent stays for its child, and goes with it", async () => {
    await using store = await TestStore.create();
    const base = await importOf(store, "base");
    await container(store, "k", base, { more: "1" });
    const { id: child } = await store.images.commit({
      containerId: "k",
      imageId: base,
      config: {},
      repository: "child",
    });
    await store.images.snapshots.remove("k");
    expect(await refusal(() => store.images.remove(base, { force: true }))).toContain(
      "(cannot be forced) - image has dependent child images",
    );
    expect(await store.images.remove("base")).toEqual([{ Untagged: "base:latest" }]);
    expect((await store.images.list()).map(({ Id }) => Id)).toEqual([child]);
    expect((await store.images.list({ all: true })).length).toBe(2);
    expect((await store.images.history("child")).map(({ Id }) => Id)).toEqual([child, base]);
    const items = await store.images.remove("child");
    expect(items.map((item) => Object.keys(item)[0])).toEqual([
      "Untagged",
      "Deleted",
      "Deleted",
      "Deleted",
      "Deleted",
    ]);
    expect(items.slice(0, 3)).toEqual([{ Untagged: "child:latest" }, { Deleted: child }, { Deleted: base }]);
  });

  test("prune takes what has no name, or, if told, no container", async () => {
    await using store = await TestStore.create();
    await importOf(store, "kept", [file("a", "123")]);
    const held = await importOf(store, "held", [file("a", "12345")]);
    store.images.hold("c", held);
    const loose = await store.images.import(chunksOf(tar(file("a", "1234567"))));
    const pruned = await store.images.prune();
    expect(pruned).toEqual({
      ImagesDeleted: [{ Deleted: loose }, { Deleted: digestOf(tar(file("a", "1234567"))) }],
      SpaceReclaimed: 7,
    });
    expect((await store.images.prune({ dangling: ["false"], until: ["1h"] })).ImagesDeleted).toBeNull();
    const all = await store.images.prune({ dangling: ["false"] });
    expect(all.SpaceReclaimed).toBe(3);
    expect(all.ImagesDeleted?.[0]).toEqual({ Untagged: "kept:latest" });
    expect((await store.images.list()).map(({ Id }) => Id)).toEqual([held]);
    expect(await refusal(() => store.images.prune({ foo: ["1"] }))).toBe(
      "InvalidParameter: invalid filter 'foo'",
    );
  });
});

describe("commit", () => {
  test("adds the container's changes as a layer, and its configuration", async () => {
    await using store = await TestStore.create();
    const base = await importOf(store, "base", rootfs, ['CMD ["/bin/sh"]', "ENV A=1", "LABEL from=base"]);
    await container(store, "k", base, { new: "content", "etc/passwd": "changed" });
    const { id: imageId } = await store.images.commit({
      containerId: "k",
      imageId: base,
      config: {
        Cmd: ["/bin/sh", "-c", "x"],
        Env: ["A=1", "B=2"],
        Labels: { from: "base" },
        Hostname: "h",
        Tty: true,
        Image: "base",
      },
      repository: "new",
      tag: "2",
      comment: "why",
      author: "me",
      changes: ["ENV C=3", "WORKDIR /w"],
      exclude: ["/dev"],
    });
    expect(store.told().at(-1)).toBe("tag new:2");
    const image = await store.images.inspect("new:2");
    expect(image).toMatchObject({ Id: imageId, Author: "me", Comment: "why", Parent: base });
    expect(image.Config).toEqual({
      Cmd: ["/bin/sh", "-c", "x"],
      Env: ["A=1", "B=2", "C=3"],
      Labels: { from: "base" },
      WorkingDir: "/w",
    });
    expect(image.RootFS.Layers?.length).toBe(2);
    const history = await store.images.history(imageId);
    expect(history).toMatchObject([{ CreatedBy: "/bin/sh -c x", Comment: "why", Size: 14 }, { Id: base }]);
    await store.images.snapshots.prepare("again", imageId);
    using view = await store.images.snapshots.view("again");
    expect([readText(view, "new"), readText(view, "etc/passwd"), readText(view, "bin/sh")]).toEqual([
      "content",
      "changed",
      "#!",
    ]);
  });

  test("of a container that changed nothing adds no layer", async () => {
    await using store = await TestStore.create();
    const base = await importOf(store, "base");
    await container(store, "k", base, {});
    const { id: imageId } = await store.images.commit({ containerId: "k", imageId: base, config: {} });
    expect((await store.images.inspect(imageId)).RootFS.Layers?.length).toBe(1);
    expect(await store.images.history(imageId)).toMatchObject([{ Size: 0 }, { Size: 6 }]);
  });
});

describe("save and load", () => {
  test("carry images to another engine, with their ids and names; equal images give equal bytes", async () => {
    await using from = await TestStore.create();
    await using to = await TestStore.create("overlay");
    const base = await importOf(from, "base:1", rootfs, ["ENV A=b"]);
    await container(from, "k", base, { added: "1" });
    const { id: child } = await from.images.commit({
      containerId: "k",
      imageId: base,
      config: { Cmd: ["x"] },
      repository: "q.io/child",
      tag: "v",
    });
    await from.images.tag("base:1", "base", "2");
    const saved = Buffer.concat(await Array.fromAsync(from.images.save(["base", "q.io/child:v"])));
    expect(
      saved.equals(Buffer.concat(await Array.fromAsync(from.images.save(["base", "q.io/child:v"])))),
    ).toBe(true);
    for (const bytes of [saved, gzipSync(saved)]) {
      const messages: string[] = [];
      await to.images.load(chunksOf(bytes, 10_000), { quiet: true }, ({ stream }) =>
        messages.push(stream ?? ""),
      );
      expect(messages).toEqual([
        "Loaded image: base:1\n",
        "Loaded image: base:2\n",
        "Loaded image: q.io/child:v\n",
      ]);
      expect(to.images.resolve("base:2").id as string).toBe(base);
      expect(to.images.resolve("q.io/child:v").id).toBe(child);
    }
    expect(to.told()).toContain(`load ${child}`);
    expect(from.told()).toContain(`save ${child}`);
    await to.images.snapshots.prepare("k", child);
    using view = await to.images.snapshots.view("k");
    expect(listTree(view)).toEqual([
      "added file",
      "bin directory",
      "bin/sh file",
      "etc directory",
      "etc/passwd file",
    ]);
    const again = Buffer.concat(await Array.fromAsync(to.images.save(["base:1", "base:2", "q.io/child:v"])));
    expect(again.equals(saved)).toBe(true);
  });

  test("an id is saved without a name", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "x");
    const saved = Buffer.concat(await Array.fromAsync(store.images.save([imageId.slice(7, 20)])));
    await store.images.remove("x");
    const messages: string[] = [];
    await store.images.load(chunksOf(saved), {}, ({ stream }) => stream && messages.push(stream));
    expect(messages).toEqual([`Loaded image ID: ${imageId}\n`]);
    expect((await store.images.list())[0]).toMatchObject({ Id: imageId, RepoTags: [] });
  });

  test("a name that pointed elsewhere moves, and says so", async () => {
    await using store = await TestStore.create();
    const old = await importOf(store, "x");
    const saved = Buffer.concat(await Array.fromAsync(store.images.save(["x"])));
    const other = await importOf(store, "x", [file("other")]);
    const messages: string[] = [];
    await store.images.load(chunksOf(saved), {}, ({ stream }) => stream && messages.push(stream));
    expect(messages[0]).toBe(
      `The image x:latest already exists, renaming the old one with ID ${other} to empty string\n`,
    );
    expect(store.images.resolve("x").id as string).toBe(old);
  });

  test("progress is told unless it is not wanted", async () => {
    await using from = await TestStore.create();
    await using to = await TestStore.create();
    await importOf(from, "x");
    const saved = Buffer.concat(await Array.fromAsync(from.images.save(["x"])));
    const messages: object[] = [];
    await to.images.load(chunksOf(saved), {}, (message) => messages.push(message));
    const total = tar(...rootfs).length;
    expect(messages[0]).toEqual({
      status: "Loading layer",
      id: digestOf(tar(...rootfs)).slice(7, 19),
      progressDetail: { current: total, total },
    });
  });

  test("names that are not here are refused before the first byte", async () => {
    await using store = await TestStore.create();
    expect(await refusal(() => store.images.save(["nope"]))).toBe("NotFound: No such image: nope:latest");
    expect(await refusal(() => store.images.save([]))).toStartWith("InvalidParameter");
  });

  test("an image that is removed while it is saved is saved whole", async () => {
    await using store = await TestStore.create();
    await importOf(store, "x", [file("large", Buffer.alloc(5 << 20, "x"))]);
    const parts: Uint8Array[] = [];
    for await (const part of store.images.save(["x"])) {
      if (parts.length === 0) await store.images.remove("x");
      parts.push(part);
    }
    expect(await store.images.list()).toEqual([]);
    await store.images.load(chunksOf(Buffer.concat(parts)));
    expect((await store.images.list()).length).toBe(1);
  });
});

/** The parts of an archive of one image, to be put together wrongly. */
function parts(layers: readonly Buffer[] = [tar(...rootfs)], more: object = {}) {
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
      ...more,
    }),
  );
  const hex = digestOf(config).slice(7);
  const layerFiles = layers.map((layer, i) => file(`${i}/layer.tar`, layer));
  const manifest = (entry: object = {}) =>
    file(
      "manifest.json",
      JSON.stringify([
        {
          Config: `${hex}.json`,
          RepoTags: ["evil:1"],
          Layers: layers.map((_, i) => `${i}/layer.tar`),
          ...entry,
        },
      ]),
    );
  return { config: file(`${hex}.json`, config), hex, layerFiles, manifest };
}

describe("load takes archives of other makers", () => {
  test("Docker's old layout, with layers that are links, compressed, or in any order", async () => {
    await using store = await TestStore.create();
    const layer = tar(...rootfs);
    const second = tar(whiteout("etc/passwd"));
    const { config, manifest, hex } = parts([layer, second, layer]);
    const link: Member = { header: { name: "2/layer.tar", kind: "symlink", linkName: "../0/layer.tar" } };
    const archive = tar(
      manifest(),
      dir("0"),
      link,
      file("0/layer.tar", gzipSync(layer)),
      file("1/layer.tar", second),
      config,
    );
    await store.images.load(chunksOf(archive, 777));
    expect(store.images.resolve("evil:1").id as string).toBe(`sha256:${hex}`);
    await store.images.snapshots.prepare("k", `sha256:${hex}`);
    using view = await store.images.snapshots.view("k");
    expect(readText(view, "etc/passwd")).toBe("root");
  });

  test("OCI's layout, with an index of several platforms and compressed layers", async () => {
    await using store = await TestStore.create();
    const { archive, configDigest } = ociArchive();
    const messages: string[] = [];
    await store.images.load(chunksOf(archive), {}, ({ stream }) => stream && messages.push(stream));
    expect(messages).toEqual(["Loaded image: q.io/oci:1\n"]);
    expect(store.images.resolve("q.io/oci:1").id).toBe(configDigest);
  });
});

function ociArchive(change: (blobs: Map<string, Buffer>, index: { manifests: object[] }) => void = () => {}) {
  const layer = tar(...rootfs);
  const blobs = new Map<string, Buffer>();
  const put = (bytes: Buffer, mediaType: string) => {
    blobs.set(digestOf(bytes), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const config = put(
    json({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digestOf(layer)] } }),
    "application/vnd.oci.image.config.v1+json",
  );
  const manifest = put(
    json({
      schemaVersion: 2,
      config,
      layers: [put(gzipSync(layer), "application/vnd.oci.image.layer.v1.tar+gzip")],
    }),
    "application/vnd.oci.image.manifest.v1+json",
  );
  const architecture = process.arch === "x64" ? "amd64" : "arm64";
  const inner = put(
    json({
      schemaVersion: 2,
      manifests: [
        { ...manifest, digest: `sha256:${id("e")}`, platform: { os: "linux", architecture: "riscv64" } },
        { ...manifest, platform: { os: "linux", architecture } },
      ],
    }),
    "application/vnd.oci.image.index.v1+json",
  );
  const index = {
    schemaVersion: 2,
    manifests: [{ ...inner, annotations: { "io.containerd.image.name": "q.io/oci:1" } }],
  };
  change(blobs, index);
  const archive = tar(
    file("oci-layout", json({ imageLayoutVersion: "1.0.0" })),
    file("index.json", json(index)),
    ...[...blobs].map(([digest, bytes]) => file(`blobs/sha256/${digest.slice(7)}`, bytes)),
  );
  return { archive, configDigest: config.digest, inner, manifest };
}

describe("load refuses, and keeps nothing of", () => {
  const whole = parts();
  const json = (value: unknown) => JSON.stringify(value);
  const blobName = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
  const hostileLayer = tar(file("../../escape", "x"));
  const hostile = parts([hostileLayer]);
  const altered = tar(file("etc/passwd", "other"));
  const cases: [name: string, archive: () => Uint8Array, expected: RegExp][] = [
    ["junk", () => Buffer.from("junk"), /unexpected EOF/],
    ["noise", () => Buffer.alloc(3000, 0x99), /invalid tar header/],
    ["an empty archive", () => tar(), /does not contain a manifest.json/],
    ["no manifest", () => tar(whole.config, ...whole.layerFiles), /does not contain a manifest.json/],
    ["a manifest that is no JSON", () => tar(file("manifest.json", "{")), /manifest.json is not JSON/],
    ["a manifest of another shape", () => tar(file("manifest.json", json({ Config: "x" }))), /is no list/],
    ["a manifest without images", () => tar(file("manifest.json", "[]")), /no image/],
    [
      "a configuration that is missing",
      () => tar(whole.manifest(), ...whole.layerFiles),
      /does not contain "[0-9a-f]{64}.json"/,
    ],
    [
      "a configuration whose path climbs",
      () => tar(whole.manifest({ Config: "../../etc/passwd" })),
      /leads out of it/,
    ],
    [
      "a layer whose path climbs",
      () => tar(whole.config, whole.manifest({ Layers: ["../0/layer.tar"] }), ...whole.layerFiles),
      /leads out of it/,
    ],
    ["a layer that is missing", () => tar(whole.config, whole.manifest()), /does not contain "0\/layer.tar"/],
    [
      "more layers than the configuration has",
      () =>
        tar(whole.config, whole.manifest({ Layers: ["0/layer.tar", "0/layer.tar"] }), ...whole.layerFiles),
      /layers length mismatch: expected 2, got 1/,
    ],
    [
      "a layer that is another",
      () => tar(whole.config, whole.manifest(), file("0/layer.tar", altered)),
      /invalid diffID for layer 0: expected "sha256:/,
    ],
    [
      "an altered configuration",
      () => tar(file(`${whole.hex}.json`, `${whole.config.data} `), whole.manifest(), ...whole.layerFiles),
      /the digest of [0-9a-f]{64}.json is/,
    ],
    [
      "an altered blob",
      () =>
        tar(
          file(blobName(`sha256:${id("a")}`), tar(...rootfs)),
          whole.config,
          whole.manifest({ Layers: [blobName(`sha256:${id("a")}`)] }),
        ),
      /the digest of blobs/,
    ],
    [
      "a hostile layer",
      () => tar(hostile.config, hostile.manifest(), ...hostile.layerFiles),
      /outside of the archive's root/,
    ],
    [
      "a truncated layer",
      () => tar(whole.config, whole.manifest(), file("0/layer.tar", tar(...rootfs).subarray(0, 1600))),
      /unexpected EOF/,
    ],
    [
      "a damaged compressed layer",
      () =>
        tar(whole.config, whole.manifest(), file("0/layer.tar", gzipSync(tar(...rootfs)).subarray(0, 80))),
      /cannot decompress gzip/,
    ],
    [
      "a truncated archive",
      () => tar(whole.config, ...whole.layerFiles, whole.manifest()).subarray(0, 2500),
      /unexpected EOF/,
    ],
    [
      "links in a circle",
      () =>
        tar(
          whole.manifest({ Config: "a" }),
          { header: { name: "a", kind: "symlink", linkName: "b" } },
          { header: { name: "b", kind: "symlink", linkName: "a" } },
        ),
      /too many links/,
    ],
    [
      "a link out",
      () =>
        tar(whole.manifest({ Config: "a" }), {
          header: { name: "a", kind: "symlink", linkName: "../../etc/passwd" },
        }),
      /leads out of it/,
    ],
    ["a name that climbs", () => tar(file("../x", "x")), /leads out of it/],
    [
      "a name that is none",
      () => tar(whole.config, whole.manifest({ RepoTags: ["Bad Name"] }), ...whole.layerFiles),
      /invalid reference format/,
    ],
    [
      "a name that is an id",
      () => tar(whole.config, whole.manifest({ RepoTags: [id("a")] }), ...whole.layerFiles),
      /cannot specify 64-byte hexadecimal/,
    ],
    [
      "a configuration that is no image's",
      () => {
        const { config, manifest, layerFiles } = parts([tar(...rootfs)], { rootfs: { type: "other" } });
        return tar(config, manifest(), ...layerFiles);
      },
      /rootfs.type is not layers/,
    ],
    [
      "a configuration with a wrong type in it",
      () => {
        const { config, manifest, layerFiles } = parts([tar(...rootfs)], { config: { Env: "A=b" } });
        return tar(config, manifest(), ...layerFiles);
      },
      /Env is no list/,
    ],
    [
      "OCI: an unknown version",
      () => tar(file("oci-layout", json({ imageLayoutVersion: "2.0.0" })), file("index.json", "{}")),
      /unknown version/,
    ],
    [
      "OCI: a blob that is not what it is called",
      () =>
        ociArchive((blobs) => {
          const [digest, bytes] = [...blobs].find(([, each]) => each[0] === 0x1f)!;
          blobs.set(
            digest,
            gzipSync(Buffer.concat([tar(...rootfs), Buffer.alloc(512)]), { level: 1 }).subarray(
              0,
              bytes.length * 2,
            ),
          );
        }).archive,
      /digest of blobs|cannot decompress/,
    ],
    [
      "OCI: a size that is not the blob's",
      () =>
        ociArchive((_, index) => {
          index.manifests = index.manifests.map((each) => ({ ...each, size: 5 }));
        }).archive,
      /wrong size/,
    ],
    [
      "OCI: a digest that is none",
      () =>
        ociArchive((_, index) => {
          index.manifests = index.manifests.map((each) => ({ ...each, digest: "sha256:../../x" }));
        }).archive,
      /no sha256 digest/,
    ],
    [
      "OCI: an index that is a manifest, too (CVE-2021-41190)",
      () =>
        ociArchive((blobs, index) => {
          const confused = Buffer.from(json({ schemaVersion: 2, manifests: [], layers: [], config: {} }));
          blobs.set(digestOf(confused), confused);
          index.manifests = [
            {
              mediaType: "application/vnd.oci.image.index.v1+json",
              digest: digestOf(confused),
              size: confused.length,
            },
          ];
        }).archive,
      /an index is a manifest, too/,
    ],
    [
      "OCI: a manifest that is an index, too",
      () =>
        ociArchive((blobs, index) => {
          const confused = Buffer.from(json({ schemaVersion: 2, manifests: [], layers: [], config: {} }));
          blobs.set(digestOf(confused), confused);
          index.manifests = [
            {
              mediaType: "application/vnd.oci.image.manifest.v1+json",
              digest: digestOf(confused),
              size: confused.length,
            },
          ];
        }).archive,
      /a manifest is an index, too/,
    ],
    [
      "OCI: an index within itself",
      () =>
        ociArchive((blobs, index) => {
          let inner = index.manifests[0] as { digest: string };
          for (let i = 0; i < 8; i++) {
            const wrapped = Buffer.from(json({ schemaVersion: 2, manifests: [inner] }));
            blobs.set(digestOf(wrapped), wrapped);
            inner = {
              mediaType: "application/vnd.oci.image.index.v1+json",
              digest: digestOf(wrapped),
              size: wrapped.length,
            } as never;
          }
          index.manifests = [inner];
        }).archive,
      /too many images/,
    ],
  ];
  for (const [name, archive, expected] of cases) {
    test(name, async () => {
      await using store = await TestStore.create();
      const before = await store.inventory();
      const text = await refusal(() => store.images.load(chunksOf(archive())));
      expect(text).toMatch(expected);
      expect(text).toStartWith("InvalidParameter");
      expect(await store.images.list({ all: true })).toEqual([]);
      expect(await store.inventory()).toEqual(before);
      expect((await readdir(store.root)).sort()).toEqual([
        "berth.db",
        "berth.db-shm",
        "berth.db-wal",
        "blobs",
        "snapshots",
        "trash",
      ]);
    });
  }

  test("one bad image among good ones: none is taken", async () => {
    await using store = await TestStore.create();
    const before = await store.inventory();
    const good = parts();
    const bad = parts([altered]);
    const entries = [good, bad].map(({ hex }, i) => ({
      Config: `${hex}.json`,
      RepoTags: [`x:${i}`],
      Layers: ["0/layer.tar"],
    }));
    const archive = tar(good.config, bad.config, ...good.layerFiles, file("manifest.json", json(entries)));
    expect(await refusal(() => store.images.load(chunksOf(archive)))).toContain("invalid diffID for layer 0");
    expect(await store.images.list()).toEqual([]);
    expect(await store.inventory()).toEqual(before);
  });
});

describe("image labels and configuration give no authority", () => {
  test("what the engine itself knows is never read from an image", async () => {
    await using store = await TestStore.create();
    const evil = parts([tar(...rootfs)], {
      id: "sha256:other",
      parent: `sha256:${id("a")}`,
      config: {
        Labels: { "berth.image.parent": "x", "com.docker.x": "y" },
        Image: "x",
        Hostname: "h",
        __proto__: { Env: ["X=1"] },
      },
      container_config: { Cmd: ["evil"] },
    });
    await store.images.load(chunksOf(tar(evil.config, evil.manifest(), ...evil.layerFiles)));
    const image = await store.images.inspect("evil:1");
    expect(image.Id).toBe(`sha256:${evil.hex}`);
    expect(image.Parent).toBe("");
    expect(image.Config).toEqual({ Labels: { "berth.image.parent": "x", "com.docker.x": "y" } });
  });
});

describe("snapshots of containers", () => {
  test("usage and changes", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "x");
    await container(store, "k", imageId, { new: "12345", "etc/passwd": "changed!" });
    expect(await store.images.snapshots.usage("k")).toEqual({ writableBytes: 13, rootFsBytes: 19 });
    expect(await store.images.snapshots.changes("k")).toEqual([
      { Path: "/etc", Kind: 0 },
      { Path: "/etc/passwd", Kind: 0 },
      { Path: "/new", Kind: 1 },
    ]);
    expect(Object.keys(store.images.snapshots.data("k"))).toContain("UpperDir");
    await store.images.snapshots.remove("k");
    await store.images.snapshots.remove("k");
    expect(store.images.snapshots.data("k")).toEqual({});
    expect(await refusal(() => store.images.snapshots.changes("k"))).toStartWith("NotFound");
  });

  test("the root directory looks as the topmost layer says that has an entry for it", async () => {
    await using store = await TestStore.create();
    const imageId = await importOf(store, "x", [dir("./", { mode: 0o1711, uid: 3 }), ...rootfs]);
    await container(store, "k", imageId, { a: "1" });
    const { id: child } = await store.images.commit({ containerId: "k", imageId, config: {} });
    await store.images.snapshots.prepare("k2", child);
    using view = await store.images.snapshots.view("k2");
    expect(view.stat("/")).toMatchObject({ mode: 0o1711, uid: 3 });
  });
});
