import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { detachBelow, isMountPoint } from "../linux/index.ts";
import { mountXfs } from "../linux/testing.ts";
import { Database, Trash } from "../store/index.ts";
import type { Freeze } from "./transfer.ts";
import { packFrozen } from "./transfer.ts";
import { Volumes } from "./volumes.ts";

let directory: string;
let database: Database;
let volumes: Volumes;
/** What was frozen and thawed, in order. */
let steps: string[];

const freeze: Freeze = async (ids) => {
  steps.push(`freeze ${ids.join(" ")}`);
  let done = false;
  return {
    async [Symbol.asyncDispose]() {
      if (!done) steps.push("thaw");
      done = true;
    },
  };
};

const open = () =>
  new Volumes({
    database,
    emit: () => {},
    root: join(directory, "volumes"),
    trash: Trash.open(join(directory, "trash")),
    pluginFolders: [],
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-transfers-"));
  database = Database.open(":memory:");
  volumes = open();
  steps = [];
});
afterEach(() => {
  detachBelow(directory);
  database.close();
  rmSync(directory, { recursive: true, force: true });
});

const pathOf = async (name: string) => (await volumes.inspect(name)).Mountpoint;
const names = async () => (await volumes.list()).Volumes?.map(({ Name }) => Name);

async function makeData(): Promise<string> {
  const { Mountpoint: path } = await volumes.create({ Name: "data", Labels: { tier: "db" } });
  mkdirSync(join(path, "sub"));
  writeFileSync(join(path, "sub/file"), "hello");
  chownSync(join(path, "sub/file"), 33, 44);
  chmodSync(join(path, "sub/file"), 0o4755);
  symlinkSync("/etc/passwd", join(path, "link"));
  chownSync(path, 11, 22);
  chmodSync(path, 0o1770);
  return path;
}

function expectData(path: string): void {
  expect(readFileSync(join(path, "sub/file"), "utf8")).toBe("hello");
  expect(statSync(join(path, "sub/file"))).toMatchObject({ uid: 33, gid: 44 });
  expect(statSync(join(path, "sub/file")).mode & 0o7777).toBe(0o4755);
  expect(statSync(path)).toMatchObject({ uid: 11, gid: 22 });
  expect(statSync(path).mode & 0o7777).toBe(0o1770);
  expect(readdirSync(path).sort()).toEqual(["link", "sub"]);
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

async function* streamOf(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
}

describe("export and import", () => {
  test("carry files, owners and modes, those of the volume itself too", async () => {
    await makeData();
    const tar = await bytesOf(await volumes.transfers.export("data"));
    const made = await volumes.transfers.import("copy", streamOf(tar), { labels: { a: "b" } });
    expect(made).toMatchObject({ Name: "copy", Driver: "local", Labels: { a: "b" } });
    expectData(made.Mountpoint);
    expectData((await volumes.transfers.import("packed", streamOf(gzipSync(tar)))).Mountpoint);
  });

  test("those who use the volume stand still while it is read", async () => {
    await makeData();
    await volumes.acquire({ name: "data", containerId: "c1" });
    await volumes.acquire({ name: "data", containerId: "c2" });
    const stream = await volumes.transfers.export("data", { freeze });
    await bytesOf(stream);
    expect(steps).toEqual(["freeze c1 c2", "thaw"]);
  });

  test("a stream that is never begun, or left in the middle, holds nobody", async () => {
    const path = await makeData();
    writeFileSync(join(path, "large"), Buffer.alloc(1 << 20));
    const unread = await volumes.transfers.export("data", { freeze });
    await expect(volumes.remove("data")).rejects.toThrow("volume is in use - [it is being copied]");
    await unread[Symbol.asyncIterator]().return?.();
    for await (const _ of await volumes.transfers.export("data", { freeze })) break;
    expect(steps).toEqual(["freeze ", "thaw", "freeze ", "thaw"]);
    expect(readdirSync(join(directory, "trash"))).toEqual([]);
    await volumes.remove("data");
  });

  test("who waits too long with a piece gets an error, not a mixture", async () => {
    const path = await makeData();
    writeFileSync(join(path, "large"), Buffer.alloc(1 << 20));
    const stream = packFrozen(path, await freeze(["c1"]), 1);
    await stream.next();
    while (!steps.includes("thaw")) await Bun.sleep(1);
    await expect(stream.next()).rejects.toThrow("cannot wait longer");
  });

  test("a volume with files is filled only where that is meant", async () => {
    const path = await makeData();
    const tar = await bytesOf(await volumes.transfers.export("data"));
    writeFileSync(join(path, "sub/file"), "changed");
    writeFileSync(join(path, "mine"), "");
    await expect(volumes.transfers.import("data", streamOf(tar))).rejects.toThrow("volume data is not empty");
    expect(readFileSync(join(path, "sub/file"), "utf8")).toBe("changed");
    await volumes.transfers.import("data", streamOf(tar), { overwrite: true });
    expect(readFileSync(join(path, "sub/file"), "utf8")).toBe("hello");
    expect(existsSync(join(path, "mine"))).toBe(true);
  });

  test("an archive that is damaged leaves no volume, and an empty one empty", async () => {
    await makeData();
    const tar = await bytesOf(await volumes.transfers.export("data"));
    const half = () => streamOf(tar.subarray(0, 2048), Buffer.alloc(512, 0x41));
    await expect(volumes.transfers.import("new", half())).rejects.toThrow();
    expect(await names()).toEqual(["data"]);
    await volumes.create({ Name: "empty" });
    await expect(volumes.transfers.import("empty", half())).rejects.toThrow();
    expect(readdirSync(await pathOf("empty"))).toEqual([]);
    await volumes.transfers.import("empty", streamOf(tar));
    expectData(await pathOf("empty"));
  });

  test("nobody comes to a volume that is being filled", async () => {
    await makeData();
    const tar = await bytesOf(await volumes.transfers.export("data"));
    const gate = Promise.withResolvers<void>();
    const slow = async function* () {
      yield tar.subarray(0, 1024);
      await gate.promise;
      yield tar.subarray(1024);
    };
    const filling = volumes.transfers.import("copy", slow());
    while (!(await names())?.includes("copy")) await Bun.sleep(1);
    while (!existsSync(join(await pathOf("copy"), "../populating"))) await Bun.sleep(1);
    await expect(volumes.acquire({ name: "copy", containerId: "c1" })).rejects.toThrow("is being filled");
    await expect(volumes.transfers.import("copy", slow())).rejects.toThrow("is being filled");
    await expect(volumes.remove("copy")).rejects.toThrow("volume is in use");
    gate.resolve();
    expectData((await filling).Mountpoint);
  });

  test("cut short by a crash leaves an empty volume", async () => {
    const { Mountpoint: path } = await volumes.create({ Name: "data" });
    mkdirSync(join(path, "../populating"));
    writeFileSync(join(path, "half"), "");
    volumes = open();
    await volumes.recover();
    expect(readdirSync(path)).toEqual([]);
  });

  test("what is mounted only while it is used is mounted for it, and not longer", async () => {
    const DriverOpts = { type: "tmpfs", device: "tmpfs", o: "mode=711" };
    const { Mountpoint: path } = await volumes.create({ Name: "fast", DriverOpts });
    const stream = await volumes.transfers.export("fast");
    expect(isMountPoint(path)).toBe(true);
    await bytesOf(stream);
    expect(isMountPoint(path)).toBe(false);
  });

  test("of what is not there", async () => {
    await expect(volumes.transfers.export("nothing")).rejects.toThrow("get nothing: no such volume");
    await expect(volumes.transfers.clone("nothing", { Name: "new" })).rejects.toThrow(
      "get nothing: no such volume",
    );
    await expect(volumes.transfers.import("../x", streamOf())).rejects.toThrow("includes invalid characters");
    expect(await names()).toEqual([]);
  });
});

test("where files can share blocks nobody waits for the receiver", async () => {
  const mounted = join(directory, "xfs");
  mkdirSync(mounted);
  if (!mountXfs(join(directory, "image"), mounted)) return;
  volumes = new Volumes({
    database,
    emit: () => {},
    root: join(mounted, "volumes"),
    trash: Trash.open(join(mounted, "trash")),
    pluginFolders: [],
  });
  await makeData();
  const stream = await volumes.transfers.export("data", { freeze });
  expect(steps).toEqual(["freeze ", "thaw"]);
  // The copy is of that moment.
  writeFileSync(join(await pathOf("data"), "sub/file"), "changed");
  const made = await volumes.transfers.import("copy", stream);
  expectData(made.Mountpoint);
  expect(readdirSync(join(mounted, "trash"))).toEqual([]);
});

describe("clone", () => {
  test("has files, owners, modes and labels of the other one", async () => {
    await makeData();
    await volumes.acquire({ name: "data", containerId: "c1" });
    const clone = await volumes.transfers.clone("data", { Name: "copy", Labels: { a: "b" } }, { freeze });
    expect(clone).toMatchObject({ Name: "copy", Labels: { tier: "db", a: "b" } });
    expectData(clone.Mountpoint);
    expect(steps).toEqual(["freeze c1", "thaw"]);
    await volumes.remove("copy");
  });

  test("of an anonymous volume is a named one", async () => {
    const { Name } = await volumes.create({});
    expect((await volumes.transfers.clone(Name, { Name: "copy" })).Labels).toBeNull();
  });

  test("takes no name that is taken", async () => {
    await makeData();
    await volumes.create({ Name: "copy" });
    await expect(volumes.transfers.clone("data", { Name: "copy" })).rejects.toThrow(
      "volume name must be unique",
    );
    await expect(volumes.transfers.clone("data", { Name: "data" })).rejects.toThrow(
      "volume name must be unique",
    );
    expectData(await pathOf("data"));
  });

  test("that fails leaves nothing, and lets everybody go on", async () => {
    await makeData();
    const signal = AbortSignal.abort(new Error("the client is gone"));
    await expect(volumes.transfers.clone("data", { Name: "copy" }, { freeze, signal })).rejects.toThrow(
      "client is gone",
    );
    expect(await names()).toEqual(["data"]);
    expect(steps).toEqual(["freeze ", "thaw"]);
    await volumes.remove("data");
  });
});
