import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMountPoint, mountPropagation, mountsBelow, parseMountInfo } from "./mount-info.ts";
import { bindMount, detachBelow, mountTmpfs, setMountPropagation, unmount } from "./mounts.ts";
import { mountByDescriptors, mountOverlay, openHiddenOverlay, openOverlay } from "./overlay.ts";

const work = await mkdtemp(join(tmpdir(), "berth-mounts-"));
afterAll(async () => {
  detachBelow(work);
  await rm(work, { recursive: true, force: true });
});

async function directory(name: string): Promise<string> {
  const path = join(work, name);
  await mkdir(path, { recursive: true });
  return path;
}

test("a tmpfs of a size and mode, and its undo", async () => {
  const target = await directory("tm pfs\\");
  mountTmpfs(target, { sizeBytes: 1 << 20, mode: 0o711, options: ["nosuid", "noexec"] });
  const [mount] = mountsBelow(target);
  expect(mount).toMatchObject({ target, type: "tmpfs", source: "tmpfs" });
  expect(mount?.options).toContain("noexec");
  expect(mount?.options).not.toContain("nodev");
  expect(mount?.superOptions).toContain("size=1024k");
  expect(mount?.superOptions).toContain("mode=711");
  unmount(target);
  expect(mountsBelow(target)).toEqual([]);
  unmount(target);
  unmount(join(work, "none"));
});

test("a busy mount is only taken away lazily", async () => {
  const target = await directory("busy");
  mountTmpfs(target);
  mountTmpfs(await directory("busy/inner"));
  expect(() => unmount(target)).toThrow("EBUSY");
  expect(detachBelow(target)).toBe(2);
  expect(isMountPoint(target)).toBe(false);
});

test("a link at the target is not followed by unmount", async () => {
  const target = await directory("followed");
  mountTmpfs(target);
  await symlink(target, join(work, "link"));
  unmount(join(work, "link"));
  expect(isMountPoint(target)).toBe(true);
  unmount(target);
});

test("a read-only bind refuses writing, below as well, and keeps the mount's flags", async () => {
  const source = await directory("source");
  mountTmpfs(source, { options: ["nosuid", "nodev"] });
  mountTmpfs(await directory("source/below"));
  const [plain, deep] = [await directory("plain"), await directory("deep")];
  bindMount(source, plain, { readOnly: true });
  bindMount(source, deep, { readOnly: true, recursive: true, propagation: "rslave" });
  expect(await writeFile(join(plain, "x"), "").catch((error) => error.code)).toBe("EROFS");
  expect(await writeFile(join(deep, "below/x"), "").catch((error) => error.code)).toBe("EROFS");
  expect(mountsBelow(plain)[0]?.options).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev"]));
  await writeFile(join(source, "x"), "still writable");
  expect(await readFile(join(plain, "x"), "utf8")).toBe("still writable");
});

test("a bind that cannot be finished is undone", async () => {
  const [source, target] = [await directory("from"), await directory("to")];
  const propagation = "bad" as "private";
  expect(() => bindMount(source, target, { propagation })).toThrow();
  expect(isMountPoint(target)).toBe(false);
});

test("propagation is told of the mount that holds a path", async () => {
  const target = await directory("propagation/below");
  const mount = join(work, "propagation");
  bindMount(mount, mount, { propagation: "private" });
  expect(mountPropagation(target)).toBe("private");
  for (const kind of ["shared", "slave", "private", "unbindable"] as const) {
    setMountPropagation(mount, kind);
    // A mount that was shared only with itself has no master to be a slave of.
    expect(mountPropagation(mount)).toBe(kind === "slave" ? "private" : kind);
  }
});

test("parseMountInfo() reads escapes, optional fields and odd sources", () => {
  const text = [
    "36 35 98:0 /mnt1 /mnt/with\\040space\\134 rw,noatime shared:7 master:1 - ext3 /dev/root rw,errors=continue",
    "37 36 0:5 / / ro - tmpfs none\\0111 rw",
    "38 36 0:5 / /slave rw master:4 propagate_from:2 - tmpfs - rw",
    "",
  ].join("\n");
  expect(parseMountInfo(text)).toEqual([
    {
      id: 36,
      parentId: 35,
      device: "98:0",
      root: "/mnt1",
      target: "/mnt/with space\\",
      options: ["rw", "noatime"],
      propagation: "shared",
      type: "ext3",
      source: "/dev/root",
      superOptions: ["rw", "errors=continue"],
    },
    expect.objectContaining({ target: "/", propagation: "private", source: "none\t1" }),
    expect.objectContaining({ target: "/slave", propagation: "slave", type: "tmpfs", source: "-" }),
  ]);
});

async function layers(name: string, count: number): Promise<string[]> {
  const paths: string[] = [];
  for (let at = 0; at < count; at++) {
    const path = await directory(`${name}/${at}`);
    await writeFile(join(path, `file${at}`), String(at));
    await writeFile(join(path, "same"), String(at));
    paths.push(path);
  }
  return paths;
}

test("an overlay shows its topmost layer first and writes into the upper", async () => {
  const lower = await layers("over,lay:\\", 3);
  const [upper, workDir] = [await directory("over,lay:\\/up,per"), await directory("over,lay:\\/wo:rk")];
  const target = await directory("merged");
  mountOverlay({ lower, upper, work: workDir, target, volatile: true, options: ["nodev", "index=off"] });
  try {
    expect(await readFile(join(target, "same"), "utf8")).toBe("0");
    await writeFile(join(target, "same"), "changed");
    expect(await readFile(join(upper, "same"), "utf8")).toBe("changed");
    const [mount] = mountsBelow(target);
    expect(mount?.options).toContain("nodev");
    expect(mount?.superOptions.some((option) => option.endsWith("volatile"))).toBe(true);
  } finally {
    unmount(target);
  }
});

test("more layers than one page of options can name", async () => {
  const lower = await layers(`many/${"long".repeat(30)}`, 60);
  const target = await directory("many/merged");
  mountOverlay({ lower, target });
  try {
    expect((await readdir(target)).length).toBe(61);
  } finally {
    unmount(target);
  }
});

test("on kernels before 6.7 the layers' names are shortened", async () => {
  const lower = await layers(`short/${"long".repeat(30)}`, 60);
  const target = await directory("short/merged");
  expect(mountByDescriptors({ lower, target })).toBe(true);
  try {
    expect((await readdir(target)).length).toBe(61);
  } finally {
    unmount(target);
  }
});

test("on kernels before 6.7 a hidden overlay is seen for an instant only", async () => {
  const lower = await layers("instant", 2);
  const before = mountsBelow("/").length;
  using root = openHiddenOverlay({ lower });
  expect(root.exists("file1")).toBe(true);
  expect(mountsBelow("/").length).toBe(before);
});

test("openOverlay() shows layers to nobody else, and leaves nothing", async () => {
  const lower = await layers("hid\\den", 2);
  const [upper, workDir] = [await directory("hid\\den/up:,per"), await directory("hid\\den/work")];
  const before = mountsBelow("/").length;
  {
    using root = openOverlay({ lower, upper, work: workDir });
    expect(
      root
        .list("/")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["file0", "file1", "same"]);
    root.unlink("file1");
    expect(mountsBelow("/").length).toBe(before);
  }
  expect(await readdir(upper)).toEqual(["file1"]);
});

test("overlayfs explains what it does not like", async () => {
  const target = await directory("bad");
  expect(() => mountOverlay({ lower: [join(work, "none")], target })).toThrow("ENOENT");
  expect(() => openOverlay({ lower: [join(work, "none")] })).toThrow(/ENOENT/);
});
