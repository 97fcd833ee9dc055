import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { appendFileSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../lib/index.ts";
import { digestOfFile } from "./hash-thread.ts";

const root = mkdtempSync(join(tmpdir(), "berth-hash-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("files that grow side by side each get their own digest", async () => {
  const files = Array.from({ length: 5 }, (_, i) => {
    const path = join(root, `grows-${i}`);
    const content = randomBytes(1_000_000 + i * 300_001);
    writeFileSync(path, content.subarray(0, 500_000));
    return { path, content, digest: digestOfFile(path) };
  });
  for (const { digest } of files) digest.advance(500_000);
  for (const { path, content } of files) appendFileSync(path, content.subarray(500_000));
  const made = await Promise.all(files.map(({ digest, content }) => digest.finish(content.length)));
  expect(made.map((hex) => `sha256:${hex}`)).toEqual(files.map(({ content }) => digestOf(content)));
});

test("a file that is gone, or shorter than was said, has no digest, and the next one has", async () => {
  expect(await digestOfFile(join(root, "nothing")).finish(10)).toBeUndefined();
  const path = join(root, "short");
  writeFileSync(path, "short");
  const digest = digestOfFile(path);
  digest.advance(100);
  expect(await digest.finish(100)).toBeUndefined();
  expect(`sha256:${await digestOfFile(path).finish(5)}`).toBe(digestOf("short"));
});

test("one that is given up keeps nobody waiting", async () => {
  const path = join(root, "given-up");
  writeFileSync(path, "content");
  const digest = digestOfFile(path);
  digest.advance(3);
  const [first, again] = [digest.finish(0), digest.finish(7)];
  expect(again).toBe(first);
  await first;
  digest.advance(7);
  // Nothing of it is open: what comes behind the end opens it no more.
  await digestOfFile(join(root, "nothing")).finish(1);
  const open = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  expect(open.filter((target) => target.startsWith(root))).toEqual([]);
});
