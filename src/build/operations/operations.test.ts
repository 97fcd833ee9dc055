import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIgnoreFile } from "../../lib/ignore/index.ts";
import { openRoot, packTree } from "../../linux/index.ts";
import { Database } from "../../store/index.ts";
import { FileDigests, KnownSelections, LocalTree } from "../contents/index.ts";
import type { Contexts } from "../contexts/index.ts";
import type { Operation } from "../graph/index.ts";
import type { DiffId } from "../ports.ts";
import type { Includes, LayersResult, SourceResult } from "../solve/contract.ts";
import { clampTimes } from "./clamp-times.ts";
import { fileOperations } from "./file-operations.ts";
import { layersOfTest, listTar, sourceOf, TestLayers, testScope, testWork } from "./testing.ts";

let top: string;
let layers: TestLayers;
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), "berth-operations-"));
  layers = await TestLayers.open();
});
afterAll(async () => {
  await rm(top, { recursive: true });
  await layers[Symbol.asyncDispose]();
});

const digests = new FileDigests(undefined);
const noContexts: Pick<Contexts, "fetchHttp" | "fetchGit"> = {
  fetchHttp: () => Promise.reject(new Error("offline")),
  fetchGit: () => Promise.reject(new Error("offline")),
};
const operations = fileOperations({ contexts: noContexts, digests, known: undefined });

async function layerOf(fill: (directory: string) => Promise<void>): Promise<DiffId> {
  const directory = await mkdtemp(join(top, "layer-"));
  await fill(directory);
  using root = openRoot(directory);
  const layer = await layers.receive(packTree(root, "/", { name: "" }));
  await layer.keep();
  return layer.diffId;
}

describe("WORKDIR", () => {
  const run = async (path: string, user: string, base: readonly DiffId[]) => {
    const work = testWork({ kind: "mkdir", path, user }, [layersOfTest(base)], testScope(layers, top));
    const result = (await operations.mkdir.run(work)) as LayersResult;
    return result.layers;
  };

  test("makes what is missing, for its user; and nothing where it is there", async () => {
    const base = await layerOf(async (directory) => {
      await mkdir(join(directory, "etc"));
      await writeFile(join(directory, "etc/passwd"), "web:x:5:6::/:/bin/sh\n");
      await mkdir(join(directory, "srv"));
    });
    const [, added] = await run("/srv/app/data", "web", [base]);
    expect(await listTar(layers.tars.get(added!)!)).toEqual([
      "directory srv/ 755 0:0",
      "directory srv/app/ 755 5:6",
      "directory srv/app/data/ 755 5:6",
    ]);
    expect(await run("/srv", "web", [base])).toEqual([base]);
    expect(await run("/", "", [])).toEqual([]);
    await expect(run("/etc/passwd/x", "", [base])).rejects.toThrow("lstat /etc/passwd/x: not a directory");
    await expect(run("/etc/passwd", "", [base])).rejects.toThrow("mkdir /etc/passwd: not a directory");
  });

  test("a path that leads through a process' own descriptors is a path like any other", async () => {
    const [added] = await run("/proc/self/fd/7", "", []);
    expect(await listTar(layers.tars.get(added!)!)).toHaveLength(4);
  });
});

test("COPY --link puts the copy's layer on top, whatever is below", async () => {
  const [below, above] = await Promise.all([
    layerOf((directory) => writeFile(join(directory, "a"), "1")),
    layerOf((directory) => writeFile(join(directory, "b"), "2")),
  ]);
  const work = testWork(
    { kind: "merge" },
    [layersOfTest([below]), layersOfTest([above])],
    testScope(layers, top),
  );
  expect(((await operations.merge.run(work)) as LayersResult).layers).toEqual([below, above]);
  expect(await operations.merge.key(work)).toStartWith("sha256:");
});

describe("sources", () => {
  test("a here-document is a file with its mode, whatever the umask is", async () => {
    const former = process.umask(0o077);
    try {
      const operation = { kind: "file", fileName: "run.sh", content: "#!/bin/sh\n", mode: 0o755 } as const;
      const work = testWork(operation, [], testScope(layers, top, { epoch: 1000 }));
      const result = (await operations.file.run(work)) as SourceResult;
      const { source } = result;
      expect(source.root.stat("/").mode).toBe(0o755);
      expect(source.root.stat("/run.sh")).toMatchObject({ mode: 0o755, mtimeNs: 1000n * 1_000_000_000n });
      await result[Symbol.asyncDispose]();
      expect(() => source.root.stat("/run.sh")).toThrow();
    } finally {
      process.umask(former);
    }
  });

  test("a download is given back with its source, and asked for with the build's services", async () => {
    const directory = await mkdtemp(join(top, "download-"));
    await writeFile(join(directory, "file"), "content", { mode: 0o600 });
    let given = 0;
    const contexts: Pick<Contexts, "fetchHttp" | "fetchGit"> = {
      ...noContexts,
      fetchHttp: async (request) => {
        expect(request).toMatchObject({ url: "https://x/file", fileName: "file", checksum: "" });
        return {
          directory,
          fileName: "file",
          digest: "sha256:" as never,
          sizeBytes: 7,
          modified: undefined,
          contentType: "",
          [Symbol.asyncDispose]: async () => void given++,
        };
      },
    };
    const { http, copy } = fileOperations({ contexts, digests, known: undefined });
    const scope = testScope(layers, top);
    const work = testWork({ kind: "http", url: "https://x/file", fileName: "file", checksum: "" }, [], scope);
    expect(await http.key(work)).toBeUndefined();
    const result = (await http.run(work)) as SourceResult;
    const item = { input: 1, path: "/file", pattern: undefined, unpack: false, wildcards: false };
    const copying = testWork(
      { kind: "copy", items: [item], destination: "/x/", chown: "", chmod: "", exclude: [] },
      [layersOfTest([]), result],
      scope,
    );
    await copy.key(copying);
    const copied = (await copy.run(copying)) as LayersResult;
    expect(await listTar(layers.tars.get(copied.layers[0]!)!)).toEqual([
      "directory x/ 755 0:0",
      "file x/file 600 0:0 7",
    ]);
    await result[Symbol.asyncDispose]();
    expect(given).toBe(1);
    expect(await readFile(join(directory, "file"), "utf8")).toBe("content");
  });
});

describe("copying", () => {
  const operation = (path: string): Extract<Operation, { kind: "copy" }> => ({
    kind: "copy",
    items: [{ input: 1, path, pattern: undefined, unpack: false, wildcards: true }],
    destination: "/x/",
    chown: "",
    chmod: "",
    exclude: [],
  });

  test("what was once read of layers is known without looking at them", async () => {
    const path = join(top, "database");
    const from = await layerOf((directory) => writeFile(join(directory, "a"), "1"));
    const keys: unknown[] = [];
    for (const views of [1, 0, 0]) {
      const database = Database.open(path);
      try {
        const { copy } = fileOperations({
          contexts: noContexts,
          digests,
          known: new KnownSelections(database),
        });
        const before = layers.views;
        keys.push(
          await copy.key(
            testWork(operation("/a"), [layersOfTest([]), layersOfTest([from])], testScope(layers, top)),
          ),
        );
        expect(layers.views - before).toBe(views);
      } finally {
        database.close();
      }
    }
    expect(new Set(keys).size).toBe(1);
  });

  test("the same files are the same key, wherever they come from", async () => {
    const fill = async (directory: string) => {
      await mkdir(join(directory, "d"));
      await chmod(join(directory, "d"), 0o755);
      await writeFile(join(directory, "d/a"), "1");
    };
    const from = await layerOf(fill);
    const directory = await mkdtemp(join(top, "context-"));
    await fill(directory);
    await using tree = new LocalTree({ path: directory }, undefined, digests);
    const scope = testScope(layers, top);
    const keys = await Promise.all(
      [layersOfTest([from]), sourceOf(tree)].map((input) =>
        operations.copy.key(testWork(operation("/d"), [layersOfTest([]), input], scope)),
      ),
    );
    expect(keys[0]).toBe(keys[1]!);
  });

  test("a folder that is only on the way to an exception is not there without it", async () => {
    const directory = await mkdtemp(join(top, "context-"));
    for (const name of ["keep", "leave"]) await mkdir(join(directory, name));
    await writeFile(join(directory, "keep/a.md"), "");
    await writeFile(join(directory, "leave/a.c"), "");
    const rules = parseIgnoreFile("*\n!**/*.md");
    const includes = (path: string, isDirectory: boolean) =>
      !rules.leavesOut(path) || (isDirectory && rules.mayBringBack(path));
    await using tree = new LocalTree({ path: directory }, includes, digests);
    const work = testWork(operation("/"), [layersOfTest([]), sourceOf(tree)], testScope(layers, top));
    await operations.copy.key(work);
    const { layers: stack } = (await operations.copy.run(work)) as LayersResult;
    expect(await listTar(layers.tars.get(stack[0]!)!)).toEqual([
      "directory x/ 755 0:0",
      "directory x/keep/ 755 0:0",
      "file x/keep/a.md 644 0:0 0",
    ]);
  });

  test("onto a context, which becomes a layer", async () => {
    const directory = await mkdtemp(join(top, "context-"));
    await writeFile(join(directory, "base"), "1");
    await using tree = new LocalTree({ path: directory }, undefined, digests);
    const inputs = [sourceOf(tree), sourceOf(tree)];
    const work = testWork(operation("/base"), inputs, testScope(layers, top));
    await operations.copy.key(work);
    const { layers: stack } = (await operations.copy.run(work)) as LayersResult;
    expect(await Promise.all(stack.map((layer) => listTar(layers.tars.get(layer)!)))).toEqual([
      ["file base 644 0:0 1"],
      ["directory x/ 755 0:0", "file x/base 644 0:0 1"],
    ]);
  });

  test("large files, and very many, in whole", async () => {
    const directory = await mkdtemp(join(top, "context-"));
    const large = Buffer.alloc(3 * 1024 * 1024 + 17, "0123456789abcdef");
    await writeFile(join(directory, "large"), large);
    for (let index = 0; index < 3000; index++) await writeFile(join(directory, `f${index}`), `${index}`);
    await using tree = new LocalTree({ path: directory }, undefined, digests);
    const work = testWork(operation("/"), [layersOfTest([]), sourceOf(tree)], testScope(layers, top));
    await operations.copy.key(work);
    const { layers: stack } = (await operations.copy.run(work)) as LayersResult;
    using view = await layers.view(stack);
    expect(view.list("/x")).toHaveLength(3001);
    expect(Buffer.from(view.readFile("/x/large", large.length)).equals(large)).toBe(true);
    expect(Buffer.from(view.readFile("/x/f2999", 10)).toString()).toBe("2999");
  });

  test("a tree that is deeper than any path is refused in a sentence", async () => {
    const directory = await mkdtemp(join(top, "deep-"));
    using root = openRoot(directory);
    let here = root.directory("/");
    const name = "n".repeat(200);
    for (let depth = 0; depth < 30; depth++) {
      here.mkdir(name);
      const next = here.openDirectory(name);
      here.close();
      here = next;
    }
    here.close();
    await using tree = new LocalTree({ path: directory }, undefined, digests);
    const work = testWork(operation("/"), [layersOfTest([]), sourceOf(tree)], testScope(layers, top));
    await expect(operations.copy.key(work)).rejects.toThrow(
      /^failed to read what is to be copied: .*ENAMETOOLONG/,
    );
    await root.removeTree(name);
  });

  test("an abort ends it", async () => {
    const directory = await mkdtemp(join(top, "context-"));
    await writeFile(join(directory, "a"), "1");
    await using tree = new LocalTree({ path: directory }, undefined, digests);
    const work = testWork(operation("/"), [layersOfTest([]), sourceOf(tree)], testScope(layers, top));
    const signal = AbortSignal.abort(new Error("gone"));
    await expect(operations.copy.key({ ...work, signal })).rejects.toThrow("gone");
    await operations.copy.key(work);
    await expect(operations.copy.run({ ...work, signal })).rejects.toThrow("gone");
  });
});

test("times of a layer's tar are clamped, and nothing else is changed", async () => {
  const directory = await mkdtemp(join(top, "clamp-"));
  await writeFile(join(directory, "a"), "content");
  await mkdir(join(directory, "d"));
  using root = openRoot(directory);
  root.setXattr("a", "user.x", Buffer.from("y"));
  const layer = await layers.receive(clampTimes(packTree(root, "/", { name: "" }), 77));
  await layer.keep();
  using view = await layers.view([layer.diffId]);
  expect(Buffer.from(view.readFile("a", 99)).toString()).toBe("content");
  expect(["a", "d"].map((name) => view.stat(name).mtimeNs)).toEqual([77_000_000_000n, 77_000_000_000n]);
  expect(Buffer.from(view.getXattr("a", "user.x")!).toString()).toBe("y");
  expect((await stat(join(directory, "a"))).mtimeMs).toBeGreaterThan(77_000);
});

describe("the digest of a context that was seen before", () => {
  const operation: Extract<Operation, { kind: "copy" }> = {
    kind: "copy",
    items: [{ input: 1, path: "/", pattern: undefined, unpack: false, wildcards: true }],
    destination: "/x/",
    chown: "",
    chmod: "",
    exclude: [],
  };

  test("is that of one that was not, whatever changes in it", async () => {
    const directory = await mkdtemp(join(top, "context-"));
    const at = (name: string) => join(directory, name);
    for (const name of ["a", "a/b", "c"]) await mkdir(at(name));
    for (const name of ["one", "a/two", "a/b/three", "c/four"]) await writeFile(at(name), name);
    const kept = fileOperations({
      contexts: noContexts,
      digests: new FileDigests(undefined),
      known: undefined,
    });
    const keyBy = async ({ copy }: Pick<typeof kept, "copy">, includes?: Includes) => {
      await using tree = new LocalTree({ path: directory }, includes, new FileDigests(undefined));
      return await copy.key(testWork(operation, [layersOfTest([]), sourceOf(tree)], testScope(layers, top)));
    };
    const fresh = () =>
      fileOperations({ contexts: noContexts, digests: new FileDigests(undefined), known: undefined });
    const changes = [
      async () => {},
      () => writeFile(at("a/b/three"), "THREE"),
      () => writeFile(at("a/new"), ""),
      () => rename(at("a/new"), at("c/new")),
      () => chmod(at("a/b"), 0o700),
      () => rm(at("c"), { recursive: true }),
      () => symlink("one", at("link")),
    ];
    const seen = new Set<string>();
    for (const change of changes) {
      await change();
      // Long enough for everything to be remembered.
      await Bun.sleep(60);
      const key = await keyBy(fresh());
      expect(await keyBy(kept)).toBe(key);
      expect(await keyBy(kept)).toBe(key);
      seen.add(key);
      const rules = parseIgnoreFile("**/three");
      const includes = Object.assign((path: string) => !rules.leavesOut(path), { key: "rules" });
      const without = await keyBy(fresh(), (path) => !rules.leavesOut(path));
      expect(without).not.toBe(key);
      expect(await keyBy(kept, includes)).toBe(without);
      expect(await keyBy(kept, includes)).toBe(without);
    }
    expect(seen.size).toBe(changes.length);
  });
});
