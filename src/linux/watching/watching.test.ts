import { afterAll, expect, test } from "bun:test";
import { appendFileSync, linkSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDescriptors, until } from "../testing.ts";
import { watchDirectory } from "./watch-directory.ts";
import { watchFile } from "./watch-file.ts";

const work = await mkdtemp(join(tmpdir(), "berth-watch-"));
afterAll(() => rm(work, { recursive: true, force: true }));

async function directory(name: string): Promise<string> {
  const path = join(work, name);
  await mkdir(path);
  return path;
}

test("2,000 files made quickly are all seen", async () => {
  const path = await directory("quick");
  const names = new Set<string>();
  using _ = watchDirectory(path, (name) => names.add(name));
  for (let at = 0; at < 2000; at++) writeFileSync(join(path, `file-${at}`), "x");
  await until(() => names.size === 2000);
});

test("more files than the kernel's queue holds are all seen", async () => {
  const path = await directory("overflow");
  const names = new Set<string>();
  using _ = watchDirectory(path, (name) => names.add(name));
  for (let at = 0; at < 12_000; at++) writeFileSync(join(path, String(at)), "");
  await until(() => names.size === 12_000);
}, 60_000);

test("what is moved in is seen, and names that are not UTF-8", async () => {
  const path = await directory("moved");
  const names = new Set<string>();
  using _ = watchDirectory(path, (name) => names.add(name));
  writeFileSync(join(work, "outside"), "");
  renameSync(join(work, "outside"), join(path, "inside"));
  writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.of(0xff)]), "");
  await until(() => names.has("inside") && names.has("\udcff"));
});

test("listeners of one directory are told until they leave, and one that throws harms no other", async () => {
  const path = await directory("shared");
  const [first, second]: string[][] = [[], []];
  const one = watchDirectory(path, (name) => {
    first!.push(name);
    throw new Error("a listener's own failure");
  });
  using _ = watchDirectory(path, (name) => second!.push(name));
  writeFileSync(join(path, "a"), "");
  await until(() => second!.includes("a"));
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  const before = first!.length;
  writeFileSync(join(path, "b"), "");
  await until(() => second!.includes("b"));
  expect(first!.length).toBe(before);
});

test("each change of a file is told, the last one too", async () => {
  const path = join(work, "log");
  writeFileSync(path, "");
  let told = 0;
  let size = 0;
  using _ = watchFile(path, () => {
    told++;
    size = Bun.file(path).size;
  });
  for (let at = 1; at <= 3000; at++) {
    appendFileSync(path, "x");
    if (at % 100 === 0) await Bun.sleep(0);
  }
  await until(() => size === 3000);
  expect(told).toBeLessThan(3000);
  const before = told;
  await Bun.sleep(30);
  appendFileSync(path, "y");
  await until(() => size === 3001);
  expect(told).toBeGreaterThan(before);
});

test("a watch stays with the file when it is renamed, and tells that it was unlinked", async () => {
  const path = join(work, "rotated");
  writeFileSync(path, "");
  let told = 0;
  using _ = watchFile(path, () => told++);
  const next = async (change: () => void) => {
    const before = told;
    change();
    await until(() => told > before);
    await Bun.sleep(20);
  };
  await next(() => renameSync(path, `${path}.1`));
  writeFileSync(path, "new file of the old name");
  await next(() => appendFileSync(`${path}.1`, "more"));
  await next(() => unlinkSync(`${path}.1`));
});

test("watching again and again leaves no descriptor", async () => {
  const path = await directory("again");
  const file = join(path, "file");
  writeFileSync(file, "");
  linkSync(file, join(path, "second-name"));
  watchFile(file, () => {})[Symbol.dispose]();
  const before = openDescriptors(/inotify/);
  for (let at = 0; at < 200; at++) {
    using _directory = watchDirectory(path, () => {});
    using _file = watchFile(file, () => {});
    using _same = watchFile(join(path, "second-name"), () => {});
    appendFileSync(file, "x");
    if (at % 10 === 0) await Bun.sleep(1);
  }
  expect(openDescriptors(new RegExp(`^${path}`))).toBe(0);
  expect(openDescriptors(/inotify/)).toBe(before);
  expect(() => watchFile(join(path, "none"), () => {})).toThrow("ENOENT");
  expect(() => watchDirectory(file, () => {})).toThrow("ENOTDIR");
});
