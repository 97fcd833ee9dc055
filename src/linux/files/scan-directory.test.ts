import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDescriptors } from "../testing.ts";
import { openRoot } from "./root-dir.ts";
import { fingerprintAtOnce, type ScannedEntry, scanDirectory, scanPath } from "./scan-directory.ts";

let top: string;
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), "berth-scan-"));
});
afterAll(() => rm(top, { recursive: true }));

function scan(path: string): ScannedEntry[] {
  using root = openRoot(top);
  using directory = root.directory(path);
  return [...scanDirectory(directory)].flat();
}

test("an entry has the facts that stat tells of it", async () => {
  await mkdir(join(top, "facts/sub"), { recursive: true });
  await writeFile(join(top, "facts/file"), "12345");
  await symlink("file", join(top, "facts/link"));
  using root = openRoot(top);
  root.mknod("facts/pipe", "fifo", 0o600);
  root.chown("facts/file", { uid: 70_000, gid: 80_000 });
  root.chmod("facts/file", 0o4711);
  root.utimes("facts/file", 0n, -1_500_000_000n);
  const names = ["file", "link", "pipe", "sub"];
  const found = new Map(scan("facts").map((entry) => [entry.name, entry]));
  expect([...found.keys()].sort()).toEqual(names);
  for (const name of names) {
    const { kind, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = root.stat(`facts/${name}`, {
      follow: false,
    });
    const entry = found.get(name)!;
    expect(entry).toMatchObject({ kind, mode, uid, gid, nlink, size, mtimeNs, ctimeNs });
    expect(scanPath(root, `facts/${name}`)!.identity).toBe(entry.identity);
    expect(entry.identity).toHaveLength(64);
  }
  expect(new Set([...found.values()].map(({ fileId }) => fileId)).size).toBe(4);
});

test("names are told by one file, not by its names", async () => {
  await mkdir(join(top, "links"));
  await writeFile(join(top, "links/a"), "");
  using root = openRoot(top);
  root.link("links/a", "links/b");
  const [a, b] = scan("links");
  expect(a!.fileId).toBe(b!.fileId);
  expect(a!.nlink).toBe(2);
});

test("all of very many, names that are not UTF-8, and no descriptor is left", async () => {
  await mkdir(join(top, "many"));
  const before = openDescriptors(/many/);
  for (let index = 0; index < 5000; index++) await writeFile(join(top, `many/file-${index}`), "");
  using root = openRoot(top);
  root.mknod(Buffer.from("many/\xff", "latin1"), "file", 0o644);
  const names = scan("many").map(({ name }) => name);
  expect(new Set(names).size).toBe(5001);
  expect(names).toContain("\udcff");
  using directory = root.directory("many");
  for (const run of scanDirectory(directory)) if (run.length > 0) break;
  directory.close();
  expect(openDescriptors(/many/)).toBe(before);
});

test("what is not there is undefined", () => {
  using root = openRoot(top);
  expect(scanPath(root, "none")).toBeUndefined();
  expect(scanPath(root, "facts/file/below")).toBeUndefined();
  expect(scanPath(root, "")!.kind).toBe("directory");
});

test("a fingerprint is that of the directory alone, whatever was looked at before", async () => {
  const fingerprint = (path: string) => {
    using root = openRoot(top);
    using directory = root.directory(path);
    return fingerprintAtOnce(directory);
  };
  await mkdir(join(top, "print"));
  for (const name of ["a", "bcd", "efghijk"]) await writeFile(join(top, "print", name), name);
  await mkdir(join(top, "before"));
  await writeFile(join(top, "before", "x".repeat(200)), "");
  const first = fingerprint("print");
  fingerprint("before");
  expect(fingerprint("print")).toBe(first);
  await writeFile(join(top, "print/a"), "other");
  expect(fingerprint("print")).not.toBe(first);
});
