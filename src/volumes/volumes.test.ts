import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../lib/index.ts";
import { detachBelow, isMountPoint, mountsBelow, openRoot } from "../linux/index.ts";
import { Database, Trash } from "../store/index.ts";
import { ANONYMOUS_LABEL } from "./names.ts";
import { Volumes } from "./volumes.ts";

let directory: string;
let database: Database;
let volumes: Volumes;
let events: EngineEvent[];

const open = () =>
  new Volumes({
    database,
    emit: (event) => events.push(event),
    root: join(directory, "volumes"),
    trash: Trash.open(join(directory, "trash")),
    pluginFolders: [join(directory, "plugins")],
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-volumes-"));
  database = Database.open(":memory:");
  events = [];
  volumes = open();
});
afterEach(() => {
  detachBelow(directory);
  database.close();
  rmSync(directory, { recursive: true, force: true });
});

const names = async (filters = {}) =>
  (await volumes.list(filters)).Volumes?.map((volume) => volume.Name) ?? [];
const told = () => events.map(({ action, actorId }) => `${action} ${actorId}`);

describe("create", () => {
  test("makes a directory and says what Docker says", async () => {
    const made = await volumes.create({ Name: "data", Labels: { a: "b" } });
    expect(made).toEqual({
      CreatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as unknown as string,
      Driver: "local",
      Labels: { a: "b" },
      Mountpoint: join(directory, "volumes/data/_data"),
      Name: "data",
      Options: null,
      Scope: "local",
    });
    expect(statSync(made.Mountpoint).isDirectory()).toBe(true);
    expect(statSync(join(directory, "volumes")).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, "volumes/data")).mode & 0o777).toBe(0o700);
    expect(told()).toEqual(["create data"]);
  });

  test("of one that exists gives that one", async () => {
    const first = await volumes.create({ Name: "data", Labels: { a: "b" } });
    expect(await volumes.create({ Name: "data", Labels: { c: "d" } })).toEqual(first);
    expect(told()).toEqual(["create data"]);
  });

  test("many at once of one name make one", async () => {
    await Promise.all(Array.from({ length: 20 }, () => volumes.create({ Name: "data" })));
    expect(told()).toEqual(["create data"]);
  });

  test("without a name is anonymous", async () => {
    const { Name, Labels } = await volumes.create({});
    expect(Name).toMatch(/^[0-9a-f]{64}$/);
    expect(Labels).toEqual({ [ANONYMOUS_LABEL]: "" });
  });

  test.each([
    ["x", "create x: volume name is too short, names should be at least two alphanumeric characters"],
    [
      "../etc",
      'create ../etc: "../etc" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    ["a/b", "includes invalid characters"],
    [".hidden", "includes invalid characters"],
    ["a\0b", "includes invalid characters"],
    ["a\nb", "includes invalid characters"],
    ["a".repeat(300), "volume name is too long"],
  ])("%p is refused", async (Name, message) => {
    await expect(volumes.create({ Name })).rejects.toThrow(message);
    expect(readdirSync(join(directory, "volumes"))).toEqual([]);
  });

  test.each([
    [{ foo: "bar" }, 'create data: invalid option: "foo"'],
    [{ type: "tmpfs" }, 'create data: missing required option: "device"'],
    [{ device: "x" }, 'create data: missing required option: "type"'],
    [{ o: "ro" }, 'create data: missing required option: "device"'],
    [{ size: "10m" }, "create data: quota size requested but no quota support: "],
    [{ size: "lots" }, "create data: invalid size: 'lots'"],
  ])("options %j are refused", async (DriverOpts, message) => {
    await expect(volumes.create({ Name: "data", DriverOpts })).rejects.toThrow(message);
    expect(await names()).toEqual([]);
    expect(readdirSync(join(directory, "volumes"))).toEqual([]);
  });

  test("an unknown driver, or another one for a name that is taken", async () => {
    await expect(volumes.create({ Name: "data", Driver: "nfs" })).rejects.toThrow(
      'error looking up volume plugin nfs: plugin "nfs" not found',
    );
    await volumes.create({ Name: "data" });
    await expect(volumes.create({ Name: "data", Driver: "other" })).rejects.toThrow(
      "volume name must be unique",
    );
  });
});

describe("use", () => {
  test("a volume in use is not removed, and says by whom", async () => {
    const got = await volumes.acquire({ name: "data", containerId: "c1" });
    expect(got).toEqual({
      name: "data",
      path: join(directory, "volumes/data/_data"),
      driver: "local",
      created: true,
    });
    expect((await volumes.acquire({ name: "data", containerId: "c2" })).created).toBe(false);
    await expect(volumes.remove("data")).rejects.toThrow("remove data: volume is in use - [c1, c2]");
    await expect(volumes.remove("data", { force: true })).rejects.toThrow("volume is in use");
    await volumes.release("c1");
    await volumes.release("c2");
    await volumes.remove("data");
    expect(await names()).toEqual([]);
    expect(existsSync(got.path)).toBe(false);
    expect(told()).toEqual(["create data", "destroy data"]);
  });

  test("is known after a restart of the daemon", async () => {
    await volumes.acquire({ name: "data", containerId: "c1" });
    volumes = open();
    await volumes.recover();
    await expect(volumes.remove("data")).rejects.toThrow("remove data: volume is in use - [c1]");
  });

  test("anonymous ones go with their last container, named ones stay", async () => {
    const anonymous = await volumes.acquire({ containerId: "c1" });
    await volumes.acquire({ name: anonymous.name, containerId: "c2" });
    await volumes.acquire({ name: "data", containerId: "c1" });
    await volumes.removeAnonymous("c1", [anonymous.name, "data"]);
    expect(await names()).toContain(anonymous.name);
    await volumes.release("c1");
    await volumes.removeAnonymous("c2", [anonymous.name, "data"]);
    expect(await names()).toEqual(["data"]);
  });

  test("mounts what the options say at the first use, and unmounts at the last", async () => {
    const driverOptions = { type: "tmpfs", device: "tmpfs", o: "size=1m,uid=1000,mode=750" };
    const { path } = await volumes.acquire({ name: "fast", driverOptions, containerId: "c1" });
    await volumes.acquire({ name: "fast", containerId: "c2" });
    expect(mountsBelow(path)).toHaveLength(1);
    expect(statSync(path)).toMatchObject({ uid: 1000 });
    expect(statSync(path).mode & 0o777).toBe(0o750);
    await volumes.release("c1");
    expect(isMountPoint(path)).toBe(true);
    await volumes.release("c2");
    expect(isMountPoint(path)).toBe(false);
    await volumes.remove("fast");
  });

  test("a volume may be a host directory, read-only too", async () => {
    const source = join(directory, "source");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "hello");
    const driverOptions = { type: "none", device: source, o: "bind,ro" };
    const { path } = await volumes.acquire({ name: "host", driverOptions, containerId: "c1" });
    expect(readFileSync(join(path, "file"), "utf8")).toBe("hello");
    expect(() => writeFileSync(join(path, "new"), "")).toThrow("EROFS");
    await volumes.release("c1");
    await volumes.remove("host");
    expect(readdirSync(source)).toEqual(["file"]);
  });

  test("what cannot be mounted is said, and no volume is left", async () => {
    const driverOptions = { type: "none", device: join(directory, "nothing"), o: "bind" };
    await expect(volumes.acquire({ name: "bad", driverOptions, containerId: "c1" })).rejects.toThrow(
      /^failed to mount local volume: mount .*nothing:.*_data, data: bind: /,
    );
    expect(await names()).toEqual([]);
    const unknown = { type: "nosuchfs", device: "none" };
    await expect(volumes.acquire({ name: "bad", driverOptions: unknown, containerId: "c1" })).rejects.toThrow(
      "special device none does not exist",
    );
  });
});

describe("populate", () => {
  let image: string;
  beforeEach(() => {
    image = join(directory, "image");
    mkdirSync(join(image, "var/lib/app/sub"), { recursive: true });
    writeFileSync(join(image, "var/lib/app/sub/file"), "hello");
    chownSync(join(image, "var/lib/app/sub/file"), 33, 44);
    chmodSync(join(image, "var/lib/app/sub/file"), 0o4755);
    chownSync(join(image, "var/lib/app"), 11, 22);
    chmodSync(join(image, "var/lib/app"), 0o1770);
  });

  test("copies files, ownership and modes, of the directory itself too", async () => {
    const { path } = await volumes.acquire({ name: "data", containerId: "c1" });
    using root = openRoot(image);
    await volumes.populate("data", root, "/var/lib/app");
    expect(readFileSync(join(path, "sub/file"), "utf8")).toBe("hello");
    expect(statSync(join(path, "sub/file"))).toMatchObject({ uid: 33, gid: 44 });
    expect(statSync(join(path, "sub/file")).mode & 0o7777).toBe(0o4755);
    expect(statSync(path)).toMatchObject({ uid: 11, gid: 22 });
    expect(statSync(path).mode & 0o7777).toBe(0o1770);
  });

  test("leaves what is in the volume alone", async () => {
    const { path } = await volumes.acquire({ name: "data", containerId: "c1" });
    writeFileSync(join(path, "mine"), "");
    using root = openRoot(image);
    await volumes.populate("data", root, "/var/lib/app");
    await volumes.populate("data", root, "/nothing/here");
    expect(readdirSync(path)).toEqual(["mine"]);
  });

  test("links of the image lead nowhere but into the image", async () => {
    const secret = join(directory, "secret");
    mkdirSync(secret);
    writeFileSync(join(secret, "key"), "");
    symlinkSync(secret, join(image, "evil"));
    symlinkSync("../../../../../../../../..", join(image, "up"));
    const { path } = await volumes.acquire({ name: "data", containerId: "c1" });
    using root = openRoot(image);
    await volumes.populate("data", root, "/evil");
    expect(readdirSync(path)).toEqual([]);
    await volumes.populate("data", root, `/up${secret}`);
    expect(readdirSync(path)).toEqual([]);
  });

  test("cut short by a crash leaves an empty volume", async () => {
    const { path } = await volumes.acquire({ name: "data", containerId: "c1" });
    mkdirSync(join(path, "../populating"));
    mkdirSync(join(path, "half/of/it"), { recursive: true });
    volumes = open();
    await volumes.recover();
    expect(readdirSync(path)).toEqual([]);
    expect(existsSync(join(path, "../populating"))).toBe(false);
  });
});

describe("a path within a volume", () => {
  test("is held, whatever takes its place", async () => {
    const { path } = await volumes.acquire({ name: "data", containerId: "c1" });
    mkdirSync(join(path, "a/b"), { recursive: true });
    writeFileSync(join(path, "a/b/file"), "right");
    using pinned = volumes.openSubpath("data", "a/b");
    renameSync(join(path, "a/b"), join(path, "a/c"));
    symlinkSync("/etc", join(path, "a/b"));
    expect(readdirSync(pinned.path)).toEqual(["file"]);
    expect(pinned.isDirectory).toBe(true);
  });

  test("never leads out of it", async () => {
    const { path } = await volumes.acquire({ name: "data", containerId: "c1" });
    symlinkSync("/", join(path, "root"));
    symlinkSync("../../../..", join(path, "up"));
    mkdirSync(join(path, "etc"));
    using inside = volumes.openSubpath("data", "root/etc");
    expect(readdirSync(inside.path)).toEqual([]);
    for (const bad of ["up/tmp", "root/proc"]) {
      expect(() => volumes.openSubpath("data", bad)).toThrow("cannot access path");
    }
    for (const bad of ["../x", "/etc", "a/../../b"]) {
      expect(() => volumes.openSubpath("data", bad)).toThrow(
        "subpath must be a relative path within the volume",
      );
    }
  });
});

describe("list, prune, usage", () => {
  beforeEach(async () => {
    await volumes.create({ Name: "data", Labels: { tier: "db" } });
    await volumes.create({ Name: "database", Labels: { tier: "db", keep: "" } });
    await volumes.acquire({ name: "used", containerId: "c1" });
    await volumes.create({});
  });
  const named = async (filters = {}) => (await names(filters)).filter((name) => name.length < 64);

  test("filters", async () => {
    expect(await named()).toEqual(["data", "database", "used"]);
    expect(await named({ name: ["data"] })).toEqual(["data", "database"]);
    expect(await named({ dangling: ["true"] })).toEqual(["data", "database"]);
    expect(await named({ dangling: ["false"] })).toEqual(["used"]);
    expect(await named({ label: ["tier=db", "keep"] })).toEqual(["database"]);
    expect(await named({ label: ["tier=web"] })).toEqual([]);
    expect(await named({ driver: ["other"] })).toEqual([]);
    await expect(named({ foo: ["x"] })).rejects.toThrow("invalid filter 'foo'");
    await expect(named({ dangling: ["maybe"] })).rejects.toThrow("invalid filter 'dangling=[maybe]'");
  });

  test("prune takes the anonymous, with `all` the named, and never the used", async () => {
    const first = await volumes.prune();
    expect(first.VolumesDeleted).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/) as unknown as string]);
    writeFileSync(join((await volumes.inspect("data")).Mountpoint, "file"), Buffer.alloc(1000));
    const second = await volumes.prune({ all: ["1"], "label!": ["keep"] });
    expect(second).toEqual({ VolumesDeleted: ["data"], SpaceReclaimed: 1000 });
    expect(await named()).toEqual(["database", "used"]);
  });

  test("sizes count a file with two names once, and follow no links", async () => {
    const path = (await volumes.inspect("used")).Mountpoint;
    writeFileSync(join(path, "a"), Buffer.alloc(5000));
    const { linkSync } = await import("node:fs");
    linkSync(join(path, "a"), join(path, "b"));
    symlinkSync("/usr", join(path, "c"));
    const usage = (await volumes.usage()).find(({ Name }) => Name === "used")?.UsageData;
    expect(usage?.RefCount).toBe(1);
    expect(usage?.Size).toBe(5000 + "/usr".length);
  });

  test("what is not there", async () => {
    await expect(volumes.inspect("nosuch")).rejects.toThrow("get nosuch: no such volume");
    await expect(volumes.remove("nosuch")).rejects.toThrow("get nosuch: no such volume");
    await volumes.remove("nosuch", { force: true });
  });
});

describe("recover", () => {
  test("adopts data that nobody knows of, and drops empty beginnings", async () => {
    mkdirSync(join(directory, "volumes/restored/_data"), { recursive: true });
    writeFileSync(join(directory, "volumes/restored/_data/file"), "");
    mkdirSync(join(directory, "volumes/begun/_data"), { recursive: true });
    await volumes.recover();
    expect(await names()).toEqual(["restored"]);
    expect(existsSync(join(directory, "volumes/begun"))).toBe(false);
  });

  test("finishes a removal, and makes again what a container counts on", async () => {
    await volumes.create({ Name: "gone" });
    const { path } = await volumes.acquire({ name: "wanted", containerId: "c1" });
    rmSync(join(directory, "volumes/gone"), { recursive: true });
    rmSync(join(directory, "volumes/wanted"), { recursive: true });
    volumes = open();
    await volumes.recover();
    expect(await names()).toEqual(["wanted"]);
    expect(existsSync(path)).toBe(true);
  });
});
