import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "../../store/index.ts";
import { type CacheMountRequest, CacheMountStore } from "./mounts.ts";

let directory: string;
let database: Database;
let store: CacheMountStore;
const { signal } = new AbortController();

const open = () =>
  new CacheMountStore(database, directory, (path) => rm(path, { recursive: true, force: true }));
const request = (sharing: CacheMountRequest["sharing"], id = "npm"): CacheMountRequest => ({
  id,
  sharing,
  description: "cached mount /root/.npm",
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-mounts-"));
  database = Database.open(":memory:");
  store = open();
});
afterEach(() => {
  database.close();
  rmSync(directory, { recursive: true, force: true });
});

describe("cache mounts", () => {
  test("shared: all have the same directory, also at the same time", async () => {
    await using one = await store.acquire(request("shared"), signal);
    await using two = await store.acquire(request("shared"), signal);
    expect(two.directory).toBe(one.directory);
    await using other = await store.acquire(request("shared", "apt"), signal);
    expect(other.directory).not.toBe(one.directory);
  });

  test("shared by several from the beginning: it is filled once", async () => {
    let filled = 0;
    const filling = { ...request("shared"), create: async () => void filled++ };
    const both = await Promise.all([store.acquire(filling, signal), store.acquire(filling, signal)]);
    expect([filled, both[0]!.directory]).toEqual([1, both[1]!.directory]);
    for (const mount of both) await mount[Symbol.asyncDispose]();
  });

  test("private: a second one at the same time gets a new one; later they get what is free", async () => {
    const one = await store.acquire(request("private"), signal);
    const two = await store.acquire(request("private"), signal);
    expect(two.directory).not.toBe(one.directory);
    await one[Symbol.asyncDispose]();
    const three = await store.acquire(request("private"), signal);
    expect(three.directory).toBe(one.directory);
    await two[Symbol.asyncDispose]();
    await three[Symbol.asyncDispose]();
  });

  test("locked: waits for all who use it, one after another", async () => {
    const one = await store.acquire(request("locked"), signal);
    const order: string[] = [];
    const later = ["two", "three"].map(async (name) => {
      const mount = await store.acquire(request("locked"), signal);
      order.push(name);
      expect(mount.directory).toBe(one.directory);
      await mount[Symbol.asyncDispose]();
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    await one[Symbol.asyncDispose]();
    await Promise.all(later);
    expect(order).toEqual(["two", "three"]);
  });

  test("who waits may give up", async () => {
    await using _one = await store.acquire(request("locked"), signal);
    const abort = new AbortController();
    const waiting = store.acquire(request("locked"), abort.signal);
    abort.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
  });

  test("what could not be filled is not there", async () => {
    const create = async (path: string) => {
      writeFileSync(join(path, "half"), "x");
      throw new Error("no");
    };
    await expect(store.acquire({ ...request("shared"), create }, signal)).rejects.toThrow("no");
    expect(await readdir(directory)).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test("they are listed with their size, and removed while nobody uses them", async () => {
    const mount = await store.acquire(request("shared"), signal);
    writeFileSync(join(mount.directory, "file"), "12345");
    await mkdir(join(mount.directory, "folder"));
    const [used] = await store.list();
    expect(used).toMatchObject({ type: "exec.cachemount", inUse: true, usageCount: 1 });
    expect([...(await store.remove(new Set([used!.id])))]).toEqual([]);
    await mount[Symbol.asyncDispose]();
    const [free] = await store.list();
    expect(free!.inUse).toBe(false);
    expect(free!.sizeBytes).toBeGreaterThanOrEqual(5);
    expect([...(await store.remove(new Set([free!.id])))]).toEqual([free!.id]);
    expect(existsSync(mount.directory)).toBe(false);
  });

  test("after a crash: half filled ones and strangers are removed, the others are found again", async () => {
    const kept = await store.acquire(request("shared"), signal);
    await kept[Symbol.asyncDispose]();
    const { promise: never } = Promise.withResolvers<void>();
    void store.acquire({ ...request("shared", "half"), create: () => never }, signal);
    await mkdir(join(directory, "stranger"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    store = open();
    await store.sweep();
    expect((await readdir(directory)).map((name) => join(directory, name))).toEqual([kept.directory]);
    const again = await store.acquire(request("shared"), signal);
    expect(again.directory).toBe(kept.directory);
  });
});
