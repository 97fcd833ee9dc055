import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountTmpfs, unmount } from "../mounts/mounts.ts";
import { openDescriptors } from "../testing.ts";
import { removeDirectory } from "./remove-directory.ts";

const work = mkdtempSync(join(tmpdir(), "berth-directory-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

test("removes what is in it, but not what links lead to", () => {
  const [doomed, kept] = [join(work, "doomed"), join(work, "kept")];
  mkdirSync(join(doomed, "a/b"), { recursive: true });
  writeFileSync(kept, "");
  symlinkSync(work, join(doomed, "a/link"));
  const open = openDescriptors(/./);
  removeDirectory(doomed);
  removeDirectory(doomed);
  removeDirectory(join(work, "none/deeper"));
  expect(existsSync(doomed)).toBe(false);
  expect(existsSync(kept)).toBe(true);
  expect(openDescriptors(/./)).toBe(open);
});

test("leaves nothing where somebody else removes files from it at the same time", async () => {
  for (let round = 0; round < 5; round++) {
    const directory = join(work, `raced-${round}`);
    for (const part of ["a", "b", "c"]) {
      mkdirSync(join(directory, part), { recursive: true });
      for (let at = 0; at < 200; at++) writeFileSync(join(directory, part, `file-${at}`), "");
    }
    // It has begun when its first file is gone.
    const other = Bun.spawn(["find", directory, "-type", "f", "-delete", "-print"], {
      stdout: "pipe",
      stderr: "ignore",
    });
    await Bun.sleep(1);
    removeDirectory(directory);
    expect(existsSync(directory)).toBe(false);
    await other.exited;
  }
});

test("stops at what is mounted inside", () => {
  const inside = join(work, "mounted/inside");
  mkdirSync(inside, { recursive: true });
  mountTmpfs(inside);
  try {
    writeFileSync(join(inside, "file"), "");
    expect(() => removeDirectory(join(work, "mounted"))).toThrow("EXDEV");
    expect(existsSync(join(inside, "file"))).toBe(true);
  } finally {
    unmount(inside);
  }
});
