import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WatchedTree } from "./tree.ts";

const root = mkdtempSync(join(tmpdir(), "berth-watch-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A folder that is watched, and what is told of it. */
function watched(name: string, wanted = (path: string) => !path.includes("/skipped")) {
  const folder = join(root, String(++count));
  mkdirSync(folder);
  const at = (path: string) => join(folder, path);
  mkdirSync(at("top/sub"), { recursive: true });
  mkdirSync(at("top/skipped"));
  writeFileSync(at("top/a"), "1");
  writeFileSync(at("top/sub/b"), "1");
  let dirty = Promise.withResolvers<void>();
  const tree = new WatchedTree([at(name)], wanted, () => dirty.resolve());
  /** All that is told until these are; what is done in several steps may be told in several ways. */
  const told = async (...wanted: string[]): Promise<string[]> => {
    const found = new Set<string>();
    while (!wanted.every((one) => found.has(one))) {
      await dirty.promise;
      // As a batch does: a second event of the same name, a moment later, may not be told.
      await Bun.sleep(20);
      dirty = Promise.withResolvers();
      for (const { path, kind, isDirectory } of tree.changes())
        found.add(`${kind} ${path.slice(folder.length + 1)}${isDirectory ? "/" : ""}`);
    }
    return [...found].sort();
  };
  return { at, tree, told };
}

test("files that are written, replaced, made executable and removed", async () => {
  const { at, tree, told } = watched("top");
  using _ = tree;
  expect([...tree.files()].map((path) => path.slice(at("top").length)).sort()).toEqual(["/a", "/sub/b"]);
  expect(tree.folderCount).toBe(3);
  writeFileSync(at("top/a"), "22");
  expect(await told("changed top/a")).toEqual(["changed top/a"]);
  writeFileSync(at("top/sub/.b.tmp"), "new");
  renameSync(at("top/sub/.b.tmp"), at("top/sub/b"));
  expect(await told("changed top/sub/b")).toEqual(["changed top/sub/b"]);
  chmodSync(at("top/a"), 0o755);
  expect(await told("changed top/a")).toEqual(["changed top/a"]);
  symlinkSync("a", at("top/link"));
  expect(await told("changed top/link")).toEqual(["changed top/link"]);
  unlinkSync(at("top/a"));
  expect(await told("removed top/a")).toEqual(["removed top/a"]);
});

test("folders that come, are moved and go, with all that is in them", async () => {
  const { at, tree, told } = watched("top");
  using _ = tree;
  mkdirSync(at("top/new/deep"), { recursive: true });
  writeFileSync(at("top/new/deep/c"), "1");
  const all = ["changed top/new/", "changed top/new/deep/", "changed top/new/deep/c"];
  expect(await told(...all)).toEqual(all);
  writeFileSync(at("top/new/deep/c"), "12");
  expect(await told("changed top/new/deep/c")).toEqual(["changed top/new/deep/c"]);
  renameSync(at("top/new"), at("top/moved"));
  // A folder that goes takes what is in it along.
  await told(
    "changed top/moved/",
    "changed top/moved/deep/",
    "changed top/moved/deep/c",
    "removed top/new/",
    "removed top/new/deep/c",
  );
});

test("what was written and is gone again, and what is left out, is not told", async () => {
  const { at, tree, told } = watched("top");
  using _ = tree;
  writeFileSync(at("top/skipped/x"), "1");
  writeFileSync(at("top/passing"), "1");
  unlinkSync(at("top/passing"));
  writeFileSync(at("top/a"), "22");
  expect(await told("changed top/a")).toEqual(["changed top/a"]);
  expect(tree.folderCount).toBe(3);
});

test("the watched folder may go and come back, and the watched file be replaced", async () => {
  const { at, tree, told } = watched("top");
  using _ = tree;
  rmSync(at("top"), { recursive: true });
  await told("removed top/", "removed top/a", "removed top/sub/b");
  mkdirSync(at("top"));
  writeFileSync(at("top/z"), "1");
  await told("changed top/", "changed top/z");

  // In one go, where the new folder may have the old one's number.
  rmSync(at("top"), { recursive: true });
  mkdirSync(at("top/sub"), { recursive: true });
  writeFileSync(at("top/sub/y"), "1");
  await told("removed top/z", "changed top/sub/y");
  writeFileSync(at("top/sub/y"), "22");
  await told("changed top/sub/y");

  const single = watched("top/a");
  using __ = single.tree;
  writeFileSync(single.at("top/other"), "not mine");
  writeFileSync(single.at("top/tmp"), "new");
  renameSync(single.at("top/tmp"), single.at("top/a"));
  expect(await single.told("changed top/a")).toEqual(["changed top/a"]);
});

test("the folder around the watched one may be replaced, too", async () => {
  const { at, tree, told } = watched("top/sub");
  using _ = tree;
  rmSync(at("top"), { recursive: true });
  await told("removed top/sub/b");
  mkdirSync(at("top/sub"), { recursive: true });
  writeFileSync(at("top/sub/c"), "1");
  await told("changed top/sub/c");
  writeFileSync(at("top/sub/c"), "22");
  await told("changed top/sub/c");
});

test("a path without a folder around it cannot be watched", () => {
  expect(
    () =>
      new WatchedTree(
        [join(root, "none/at/all")],
        () => true,
        () => {},
      ),
  ).toThrow("cannot watch");
});
