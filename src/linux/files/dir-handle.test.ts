import { afterAll, expect, test } from "bun:test";
import { constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ELOOP, isErrno } from "../errors.ts";
import { cString } from "../paths.ts";
import { openDescriptors } from "../testing.ts";
import { chmodEntry, chmodThroughHandle } from "./chmod.ts";
import { closeDescriptor } from "./descriptors.ts";
import { openRoot } from "./root-dir.ts";

const work = await mkdtemp(join(tmpdir(), "berth-dir-"));
afterAll(() => rm(work, { recursive: true, force: true }));

const { O_CREAT, O_EXCL, O_WRONLY, O_RDONLY } = constants;

function fresh(name: string) {
  using root = openRoot(work);
  root.mkdir(name);
  return root.directory(name);
}

test("an entry's mode, owner, times and device come back as they were set", () => {
  using directory = fresh("facts");
  closeDescriptor(directory.open("file", O_CREAT | O_EXCL | O_WRONLY, 0o600));
  directory.chown("file", { uid: 4_000_000_000, gid: 70_000 });
  directory.chmod("file", 0o6755);
  directory.utimes("file", -1n, -1_500_000_000n);
  expect(directory.stat("file")).toMatchObject({
    kind: "file",
    mode: 0o6755,
    uid: 4_000_000_000,
    gid: 70_000,
    atimeNs: -1n,
    mtimeNs: -1_500_000_000n,
    nlink: 1,
  });
  directory.mknod("disk", "block", 0o600, 259, 70_001);
  expect(directory.stat("disk")).toMatchObject({ kind: "block", major: 259, minor: 70_001 });
  directory.mknod("socket", "socket", 0o600);
  expect(directory.list().find(({ name }) => name === "socket")?.kind).toBe("socket");
});

test("on kernels before 6.6 a mode is changed through a handle, a link's target never", () => {
  using directory = fresh("handles");
  closeDescriptor(directory.open("file", O_CREAT | O_WRONLY, 0o600));
  directory.symlink("file", "link");
  chmodThroughHandle(directory.fd, cString("file"), 0o4711, "file");
  expect(directory.stat("file").mode).toBe(0o4711);
  for (const chmod of [chmodThroughHandle, chmodEntry]) {
    expect(() => chmod(directory.fd, cString("link"), 0o777, "link")).toThrow("ENOTSUP");
  }
  expect(directory.stat("file").mode).toBe(0o4711);
});

test("open() and openDirectory() refuse links", () => {
  using directory = fresh("links");
  directory.symlink("/etc/passwd", "file");
  directory.symlink("/etc", "dir");
  for (const attempt of [
    () => directory.open("file", O_RDONLY),
    () => directory.openRegular("file"),
    () => directory.open("dir", O_RDONLY | constants.O_DIRECTORY),
  ]) {
    expect(attempt).toThrow(/ELOOP|ENOTDIR|not a regular file/);
  }
  expect(() => directory.openDirectory("dir")).toThrow(/ENOTDIR|ELOOP/);
  expect(directory.readLink("dir")).toBe("/etc");
});

test("hard links, renames with and without replacing, and an exchange", () => {
  using directory = fresh("renames");
  directory.mkdir("a");
  closeDescriptor(directory.open("b", O_CREAT | O_WRONLY, 0o600));
  directory.link("b", directory, "c");
  expect(directory.stat("c").nlink).toBe(2);
  expect(() => directory.rename("c", directory, "a", { noReplace: true })).toThrow("EEXIST");
  directory.rename("a", directory, "b", { exchange: true });
  expect([directory.stat("a").kind, directory.stat("b").kind]).toEqual(["file", "directory"]);
  directory.rename("c", directory, "d");
  expect(directory.exists("c")).toBe(false);
});

test("extended attributes, of a link as well", () => {
  using directory = fresh("xattrs");
  closeDescriptor(directory.open("file", O_CREAT | O_WRONLY, 0o600));
  directory.symlink("file", "link");
  const value = Uint8Array.of(0, 1, 255, 0);
  directory.setXattr("file", "user.berth", value);
  directory.setXattr("file", "user.empty", new Uint8Array(0));
  directory.setXattr("link", "trusted.berth", value);
  expect(directory.listXattrs("file").sort()).toEqual(["user.berth", "user.empty"]);
  expect(directory.getXattr("file", "user.berth")).toEqual(value);
  expect(directory.getXattr("file", "user.empty")).toEqual(new Uint8Array(0));
  expect(directory.listXattrs("link")).toEqual(["trusted.berth"]);
  expect(directory.getXattr("file", "trusted.berth")).toBeUndefined();
  directory.removeXattr("file", "user.berth");
  directory.removeXattr("file", "user.berth");
  expect(directory.listXattrs("file")).toEqual(["user.empty"]);
});

test("a directory of 10,000 entries is listed whole", () => {
  using directory = fresh("many");
  for (let at = 0; at < 10_000; at++) directory.symlink("x", `entry-${at}`);
  expect(new Set(directory.list().map(({ name }) => name)).size).toBe(10_000);
  expect(directory.list().every(({ kind }) => kind === "symlink")).toBe(true);
});

test("a refused operation leaves no descriptor open", () => {
  using directory = fresh("leaks");
  directory.symlink("loop", "loop");
  using root = openRoot(work);
  for (let at = 0; at < 100; at++) {
    expect(() => root.readFile("leaks/loop", 10)).toThrow("ELOOP");
    expect(() => root.chmod("leaks/none", 0o600)).toThrow("ENOENT");
    expect(() => directory.readFile("loop", 10)).toThrow();
  }
  expect(openDescriptors(new RegExp(`^${work}`))).toBe(2);
  expect(isErrno(new Error("no"), ELOOP)).toBe(false);
});
