import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountTmpfs, unmount } from "../mounts/mounts.ts";
import { openDescriptors } from "../testing.ts";
import { DirHandle } from "./dir-handle.ts";
import { removeTree } from "./remove-tree.ts";
import { openRoot } from "./root-dir.ts";

const work = await mkdtemp(join(tmpdir(), "berth-remove-"));
afterAll(() => rm(work, { recursive: true, force: true }));

test("removes files, directories and links, but not what links lead to", async () => {
  await mkdir(join(work, "canary"));
  await writeFile(join(work, "canary/file"), "x");
  await mkdir(join(work, "tree/a/b"), { recursive: true });
  await writeFile(join(work, "tree/a/file"), "x");
  await symlink(join(work, "canary"), join(work, "tree/a/b/out"));
  using root = openRoot(work);
  await root.removeTree("tree");
  await root.removeTree("tree");
  await root.removeTree("none/deeper");
  expect(root.exists("tree")).toBe(false);
  expect(await readdir(join(work, "canary"))).toEqual(["file"]);
});

test("a tree of 5,000 nested directories, deeper than descriptors may be open", async () => {
  using root = openRoot(work);
  root.mkdir("deep");
  let directory = root.directory("deep");
  for (let level = 0; level < 5000; level++) {
    directory.mkdir("d");
    directory.symlink("/", "link");
    const below = directory.openDirectory("d");
    directory.close();
    directory = below;
  }
  directory.close();
  const ours = () => openDescriptors(new RegExp(`^${work}`));
  const before = ours();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, ours());
  }, 1);
  await root.removeTree("deep");
  clearInterval(watch);
  expect(root.exists("deep")).toBe(false);
  expect(most).toBeGreaterThan(10);
  expect(most).toBeLessThan(50);
  expect(ours()).toBe(before);
});

test("stops at a mount point unless it may cross", async () => {
  await mkdir(join(work, "mounted/inside"), { recursive: true });
  mountTmpfs(join(work, "mounted/inside"));
  try {
    await writeFile(join(work, "mounted/inside/file"), "x");
    using root = openRoot(work);
    expect(await root.removeTree("mounted").catch((error: { code: string }) => error.code)).toBe("EXDEV");
    expect(await readdir(join(work, "mounted/inside"))).toEqual(["file"]);
    using directory = new DirHandle(root.open("mounted", 0));
    expect(
      await removeTree(directory, "inside", { crossMounts: true }).catch((e: { code: string }) => e.code),
    ).toBe("EBUSY");
    expect(await readdir(join(work, "mounted/inside"))).toEqual([]);
  } finally {
    unmount(join(work, "mounted/inside"));
  }
});

test("other work gets its turn while thousands of files are removed", async () => {
  using root = openRoot(work);
  root.mkdir("many");
  using directory = root.directory("many");
  for (let at = 0; at < 5000; at++) directory.mkdir(`d${at}`);
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  await root.removeTree("many");
  clearInterval(ticking);
  expect(root.exists("many")).toBe(false);
  expect(turns).toBeGreaterThan(2);
});
