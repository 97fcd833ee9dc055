import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheExports, cacheSources, wantsInlineCache } from "./caches.ts";
import { readInput } from "./input.ts";
import { filesAsTree, memoryFiles } from "./memory-context.ts";
import type { BuildOutput } from "./options.ts";
import { planOutputs } from "./outputs.ts";
import { wantsProvenance } from "./request.ts";
import { secretsById } from "./secrets.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-sdk-builds-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("an output says what the engine is asked, and whether it sends something", () => {
  const plan = (outputs: BuildOutput[], push = false) => planOutputs(outputs, push);
  expect(plan([])).toMatchObject({ asked: undefined, takes: new Map() });
  expect(plan([], true).asked).toEqual([{ Type: "image", Attrs: { push: "true" } }]);
  expect(plan([{ type: "docker" }])).toMatchObject({ asked: undefined, takes: new Map() });
  expect(plan([{ type: "image", attributes: { name: "a:1", push: "true" } }])).toMatchObject({
    tags: ["a:1"],
    asked: [{ Type: "image", Attrs: { push: "true" } }],
  });
  expect(plan([{ type: "local", dest: folder }]).asked).toEqual([{ Type: "tar", Attrs: { dest: "-" } }]);
  expect(plan([{ type: "oci", dest: `${folder}/x` }]).asked).toEqual([
    { Type: "oci", Attrs: { dest: `${folder}/x` } },
  ]);
  expect(plan([{ type: "cacheonly" }])).toMatchObject({ takes: new Map() });
  const several = plan([
    { type: "local", dest: folder },
    { type: "docker" },
    { type: "tar", dest: `${folder}/t` },
  ]);
  expect(several.asked?.map(({ Type }) => Type)).toEqual(["tar", "image", "tar"]);
  expect([...several.takes.keys()]).toEqual([0, 2]);
  expect(() => plan([{ type: "tar", dest: folder }])).toThrow("is a directory");
  expect(() => plan([{ type: "local", dest: "x" }], true)).toThrow(
    `push and "local" output can't be used together`,
  );
});

test("caches are of images", () => {
  expect(cacheSources(["a,b:1", "type=registry,ref=c"])).toEqual(["a", "b:1", "c"]);
  expect(() => cacheSources(["type=registry"])).toThrow("needs its image");
  expect(cacheSources(["type=local,src=/c,tag=x"])).toEqual([{ path: "/c", tag: "x", digest: "" }]);
  expect(() => cacheSources(["type=s3,bucket=b"])).toThrow("service of others");
  expect(cacheExports(["inline", "type=registry,ref=a:1,mode=max", "b:1", "type=local,dest=/d"])).toEqual([
    { Type: "registry", Attrs: { ref: "a:1", mode: "max" } },
    { Type: "registry", Attrs: { ref: "b:1" } },
    { Type: "local", Attrs: {}, dest: "/d" },
  ]);
  expect(() => cacheExports(["type=gha"])).toThrow('cache export of type "gha" is not supported');
  expect(() => cacheExports(["type=local"])).toThrow("needs its folder");
  expect([wantsInlineCache([]), wantsInlineCache(["type=inline"]), wantsInlineCache(["inline"])]).toEqual([
    false,
    true,
    true,
  ]);
  expect([true, "true", "mode=max", false, "false", "0", "disabled=true"].map(wantsProvenance)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test("where the Dockerfile is", async () => {
  const context = join(folder, "context");
  mkdirSync(join(context, "sub"), { recursive: true });
  for (const name of ["Dockerfile", "sub/Other"]) writeFileSync(join(context, name), "FROM x");
  writeFileSync(join(folder, "Outside"), "FROM y");
  writeFileSync(join(folder, "Outside.dockerignore"), "z");
  const dockerfile = async (file: string) => (await readInput({ context, dockerfile: file })).dockerfile;
  expect(await dockerfile("")).toEqual({ kind: "inside", name: "Dockerfile" });
  expect(await dockerfile("sub/Other")).toEqual({ kind: "inside", name: "sub/Other" });
  expect(await dockerfile(join(context, "sub/Other"))).toEqual({ kind: "inside", name: "sub/Other" });
  expect(await dockerfile(join(folder, "Outside"))).toMatchObject({
    kind: "text",
    ignore: Buffer.from("z"),
  });
  await expect(dockerfile("nosuch")).rejects.toThrow("failed to read dockerfile: open");
  const contexts = { n: folder, i: "docker-image://x" };
  const remote = await readInput({ context: "https://example.com/x.git#main", contexts });
  expect(remote.context).toEqual({ kind: "remote", url: "https://example.com/x.git#main" });
  expect([...remote.named]).toEqual([
    ["n", { kind: "folder", path: folder }],
    ["i", { kind: "address", address: "docker-image://x" }],
  ]);
  await expect(readInput({})).rejects.toThrow("a build needs a context or a Dockerfile");
});

test("a context in memory is told in the order of a walk, and no path leads out of it", async () => {
  const files = memoryFiles({ "./b.txt": "b", "a/x": "1", "a.txt": "a", "a/y/z": "2" }, undefined);
  const filter = { include: [], exclude: ["a/y"], follow: [] };
  const told: string[] = [];
  for await (const { path } of (await filesAsTree(files, filter)).walk()) told.push(path);
  expect(told).toEqual(["a", "a/x", "a.txt", "b.txt"]);
  for (const path of ["../x", "a/../../x", "", "a//b"]) {
    expect(() => memoryFiles({ [path]: "" }, undefined), path).toThrow("invalid path");
  }
  expect(() => memoryFiles({ a: "", "a/b": "" }, undefined)).toThrow("both a file and a folder");
});

test("a secret has one source", () => {
  process.env["BERTH_TEST_SECRET"] = "v";
  const secrets = secretsById([
    { id: "a", file: "/x" },
    { id: "b", env: "BERTH_TEST_SECRET" },
    { id: "c", value: "" },
  ]);
  expect([...secrets]).toEqual([
    ["a", { path: "/x" }],
    ["b", { value: "v" }],
    ["c", { value: "" }],
  ]);
  expect(() => secretsById([{ id: "a" }])).toThrow("one of file, env and value");
  expect(() => secretsById([{ id: "a", file: "x", value: "y" }])).toThrow("one of file, env and value");
});
