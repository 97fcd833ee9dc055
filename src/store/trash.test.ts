import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeDirectory } from "../linux/index.ts";
import { Trash } from "./trash.ts";

let directory: string;
let bin: string;
let trash: Trash;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-trash-"));
  bin = join(directory, "trash");
  trash = Trash.open(bin);
});
afterEach(async () => {
  await trash.close();
  removeDirectory(directory);
});

function makeTree(name: string, files = 3): string {
  const path = join(directory, name);
  mkdirSync(path);
  for (let at = 0; at < files; at++) writeFileSync(join(path, `file-${at}`), "");
  return path;
}

test("what is taken is gone at once, and deleted by and by", async () => {
  const path = makeTree("unwanted");
  trash.take(path);
  expect(existsSync(path)).toBe(false);
  trash.take(path);
  trash.take(makeTree("unwanted"));
  await trash.emptied();
  expect(readdirSync(bin)).toEqual([]);
});

test("what a crash left goes when it is opened again", async () => {
  await trash.close();
  trash.take(makeTree("unwanted"));
  expect(readdirSync(bin)).toHaveLength(1);
  trash = Trash.open(bin);
  await trash.emptied();
  expect(readdirSync(bin)).toEqual([]);
});

test("closing it waits for no large tree", async () => {
  trash.take(makeTree("large", 20_000));
  const [doomed] = readdirSync(bin);
  const left = () => readdirSync(join(bin, doomed!)).length;
  const emptied = trash.emptied();
  while (left() === 20_000) await new Promise((resolve) => setImmediate(resolve));
  await trash.close();
  await emptied;
  expect(left()).toBeGreaterThan(0);
});

test("what is needed for a while is gone when it is not needed any more", async () => {
  const scratch = trash.scratch();
  expect(existsSync(scratch.path)).toBe(false);
  mkdirSync(scratch.path);
  writeFileSync(join(scratch.path, "file"), "");
  await scratch[Symbol.asyncDispose]();
  expect(readdirSync(bin)).toEqual([]);
  await trash.scratch()[Symbol.asyncDispose]();
});
