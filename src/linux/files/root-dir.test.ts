import { afterAll, expect, test } from "bun:test";
import { constants } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../lib/index.ts";
import { LinuxError } from "../errors.ts";
import { closeDescriptor } from "./descriptors.ts";
import { openRoot } from "./root-dir.ts";

const work = await mkdtemp(join(tmpdir(), "berth-root-"));
afterAll(() => rm(work, { recursive: true, force: true }));

/** A tree to be held in, beside a canary that nothing may reach. */
async function place(name: string) {
  const base = join(work, name);
  await mkdir(join(base, "tree/etc"), { recursive: true });
  await mkdir(join(base, "canary"));
  await writeFile(join(base, "canary/secret"), "host");
  await writeFile(join(base, "tree/etc/passwd"), "inside");
  return { base, canary: join(base, "canary"), tree: join(base, "tree") };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof LinuxError) return error.code;
    if (error instanceof EngineError) return error.kind;
    throw error;
  }
  return "no error";
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test("links and dots are looked up within the root", async () => {
  const { tree, canary } = await place("links");
  await symlink("/", join(tree, "top"));
  await symlink("/etc/passwd", join(tree, "absolute"));
  await symlink("../../../../../../etc/passwd", join(tree, "etc/climbing"));
  await symlink(canary, join(tree, "out"));
  using root = openRoot(tree);
  for (const path of [
    "etc/passwd",
    "/etc/passwd",
    "top/etc/passwd",
    "absolute",
    "etc/climbing",
    "../../etc/passwd",
  ]) {
    expect(text(root.readFile(path, 100))).toBe("inside");
  }
  expect(codeOf(() => root.readFile("out/secret", 100))).toBe("ENOENT");
  expect(codeOf(() => root.readFile("../canary/secret", 100))).toBe("ENOENT");
});

test("changes through links stay within the root", async () => {
  const { tree, canary } = await place("changes");
  await symlink(canary, join(tree, "out"));
  await symlink("/etc", join(tree, "conf"));
  using root = openRoot(tree);
  expect(codeOf(() => root.unlink("out/secret"))).toBe("ENOENT");
  expect(codeOf(() => root.mkdir("out/dir"))).toBe("ENOENT");
  expect(codeOf(() => root.chmod("../canary/secret", 0o777))).toBe("ENOENT");
  root.mkdir("conf/dir", 0o700);
  root.rename("conf/passwd", "conf/dir/passwd");
  expect(await readFile(join(tree, "etc/dir/passwd"), "utf8")).toBe("inside");
  await root.removeTree("out");
  expect(await readFile(join(canary, "secret"), "utf8")).toBe("host");
  expect(root.exists("out", { follow: false })).toBe(false);
});

test("the last component is never followed where something is changed", async () => {
  const { tree, canary } = await place("last");
  const before = await stat(join(canary, "secret"));
  await symlink(join(canary, "secret"), join(tree, "link"));
  await symlink("etc/passwd", join(tree, "inner"));
  using root = openRoot(tree);
  root.chown("link", { uid: 1234, gid: 1234 });
  root.utimes("link", 1n, 1_500_000_000_123_456_789n);
  expect(root.stat("link", { follow: false })).toMatchObject({
    uid: 1234,
    mtimeNs: 1_500_000_000_123_456_789n,
  });
  expect(codeOf(() => root.chmod("link", 0o777))).toBe("ENOTSUP");
  root.chown("inner", { uid: 77, gid: 77 });
  expect(root.stat("etc/passwd").uid).toBe(0);
  const after = await stat(join(canary, "secret"));
  expect([after.uid, after.mode, after.mtimeMs]).toEqual([before.uid, before.mode, before.mtimeMs]);
});

test("magic links of /proc are not followed", () => {
  using root = openRoot("/");
  expect(codeOf(() => root.open("/proc/self/cwd/etc", constants.O_RDONLY))).toBe("ELOOP");
  expect(codeOf(() => root.open("/proc/self/root", constants.O_RDONLY))).toBe("ELOOP");
});

test("hostile names are refused", async () => {
  const { tree } = await place("names");
  using root = openRoot(tree);
  expect(codeOf(() => root.readFile("etc/passwd\0.txt", 100))).toBe("InvalidParameter");
  expect(codeOf(() => root.symlink("a\0b", "link"))).toBe("InvalidParameter");
  for (const path of ["", "/", ".", "etc/..", "etc/."]) {
    expect(codeOf(() => root.rmdir(path))).toBe("EINVAL");
  }
  using directory = root.directory("etc");
  for (const name of ["", ".", "..", "../etc", "a/b", "a\0", Uint8Array.of(46, 46)]) {
    expect(codeOf(() => directory.stat(name))).toBe("InvalidParameter");
  }
});

test("only regular files are opened and read, and no more than asked for", async () => {
  const { tree } = await place("kinds");
  using root = openRoot(tree);
  root.mknod("pipe", "fifo", 0o644);
  root.mknod("null", "char", 0o666, 1, 3);
  for (const path of ["pipe", "null", "etc"])
    expect(codeOf(() => root.readFile(path, 100))).toBe("InvalidParameter");
  closeDescriptor(root.open("pipe", constants.O_RDONLY)); // does not wait for a writer
  expect(codeOf(() => root.readFile("etc/passwd", 5))).toBe("InvalidParameter");
  expect(text(root.readFile("etc/passwd", 6))).toBe("inside");
  expect(root.stat("null")).toMatchObject({
    kind: "char",
    major: 1,
    minor: 3,
    mode: 0o666 & ~process.umask(),
  });
  // Files of the kernel's say that they are empty: none of them is ever read for a container's.
  using host = openRoot("/proc");
  expect(text(host.readFile("version", 10_000))).toBe("");
});

test("mkdirAll() makes what is missing, through links within the root", async () => {
  const { tree, canary } = await place("mkdir");
  await symlink("/etc", join(tree, "run"));
  await symlink(canary, join(tree, "out"));
  using root = openRoot(tree);
  root.mkdirAll("run//a/../b/c/", 0o750, { uid: 5, gid: 6 });
  expect(root.stat("etc/b/c")).toMatchObject({ kind: "directory", uid: 5, gid: 6 });
  expect(root.stat("etc").uid).toBe(0);
  root.mkdirAll("run/a/b");
  expect(codeOf(() => root.mkdirAll("etc/passwd/x"))).toBe("ENOTDIR");
  expect(codeOf(() => root.mkdirAll("out/x"))).toBe("EEXIST");
  expect(await stat(join(canary, "x")).catch(() => "none")).toBe("none");
});

test("names that are not UTF-8 lead back to the same file", async () => {
  const { tree } = await place("bytes");
  using root = openRoot(tree);
  const names = [[0xff, 0xfe], [0xc3], [0xef, 0xbf, 0xbd]].map((bytes) => Uint8Array.from(bytes));
  using directory = root.directory("/");
  for (const name of names) directory.mkdir(name);
  const found = root.list("/").filter((entry) => entry.name !== "etc");
  expect(found.map(({ bytes }) => Buffer.from(bytes).toString("hex")).sort()).toEqual([
    "c3",
    "efbfbd",
    "fffe",
  ]);
  for (const { name } of found) root.rmdir(name);
  expect(root.list("/").map(({ name }) => name)).toEqual(["etc"]);
});

test("a new root holds smaller trees too", async () => {
  const { tree } = await place("smaller");
  await symlink("/etc", join(tree, "etc/self"));
  using root = openRoot(tree);
  using etc = root.subRoot("etc");
  expect(codeOf(() => etc.stat("self"))).toBe("ENOENT");
  expect(text(etc.readFile("../../passwd", 100))).toBe("inside");
});

test("5,000 opens beside a swap of directory and link never leave the root", async () => {
  const { tree, canary, base } = await place("swap");
  await mkdir(join(tree, "real"));
  await writeFile(join(tree, "real/secret"), "inside");
  await symlink(canary, join(base, "link"));
  await symlink("../../../../../canary", join(base, "climbing"));
  const paths = [join(base, "link"), join(base, "climbing")].map((path) => JSON.stringify(path));
  const swap = `const { renameSync: r } = require("node:fs"); process.chdir(${JSON.stringify(tree)});
    process.stdout.write("ready");
    for (;;) for (const link of [${paths}]) { r("real", "aside"); r(link, "real"); r("real", link); r("aside", "real"); }`;
  const attacker = Bun.spawn([process.execPath, "-e", swap], { stdout: "pipe", stderr: "inherit" });
  try {
    await attacker.stdout.getReader().read();
    using root = openRoot(tree);
    const seen = new Map<string, number>();
    for (let attempt = 0; attempt < 5000; attempt++) {
      const result = openOrCode(() => text(root.readFile("real/secret", 100)));
      seen.set(result, (seen.get(result) ?? 0) + 1);
      openOrCode(() => root.chmod("real/../real/secret", 0o600));
      openOrCode(() => root.mkdir(`real/made${attempt}`));
    }
    expect([...seen.keys()].filter((key) => !["inside", "ENOENT", "EAGAIN"].includes(key))).toEqual([]);
    expect(seen.get("inside")).toBeGreaterThan(0);
    expect(seen.get("ENOENT")).toBeGreaterThan(0);
    const { mode } = await stat(join(canary, "secret"));
    expect(mode & 0o777).toBe(0o666 & ~process.umask());
    using host = openRoot(canary);
    expect(host.list("/").map(({ name }) => name)).toEqual(["secret"]);
  } finally {
    attacker.kill("SIGKILL");
    await attacker.exited;
  }
}, 60_000);

function openOrCode(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    if (error instanceof LinuxError) return error.code;
    throw error;
  }
}
