import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../../lib/index.ts";
import { openRoot } from "../../linux/index.ts";
import { Database, Trash } from "../../store/index.ts";
import { assertAnswers } from "../answers.ts";
import { Volumes } from "../volumes.ts";
import { findPlugin, listPlugins, readAddress } from "./address.ts";
import { TestVolumePlugin } from "./testing.ts";

let directory: string;
let folder: string;
let database: Database;
let events: EngineEvent[];
let volumes: Volumes;
let plugin: TestVolumePlugin;

const PATIENCE = { workMs: 500, unmountMs: 500, askMs: 500, probeMs: 250, startMs: 200, sulkMs: 60_000 };

const open = () =>
  new Volumes({
    database,
    emit: (event) => events.push(event),
    root: join(directory, "volumes"),
    trash: Trash.open(join(directory, "trash")),
    pluginFolders: [folder],
    pluginPatience: PATIENCE,
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-plugins-"));
  folder = join(directory, "plugins");
  mkdirSync(folder);
  database = Database.open(":memory:");
  events = [];
  volumes = open();
  plugin = new TestVolumePlugin(join(folder, "disk.sock"), join(directory, "disk"));
});
afterEach(async () => {
  await plugin[Symbol.asyncDispose]();
  database.close();
  rmSync(directory, { recursive: true, force: true });
});

const listed = async () => (await volumes.list()).Volumes?.map(({ Name, Driver }) => `${Driver} ${Name}`);

describe("where plugins are", () => {
  test("sockets, and files that name an address, in the folders and one below", () => {
    writeFileSync(join(folder, "far.spec"), "tcp://10.0.0.1:7000\n");
    mkdirSync(join(folder, "deep"));
    const tls = { InsecureSkipVerify: false, CAFile: "/ca.pem" };
    writeFileSync(
      join(folder, "deep/deep.json"),
      JSON.stringify({ Name: "deep", Addr: "https://[fd00::1]:1", TLSConfig: tls }),
    );
    writeFileSync(join(folder, "readme.txt"), "");
    writeFileSync(join(folder, "nosocket.sock"), "");
    const found = listPlugins([folder, join(directory, "nothing")]);
    expect(found.map(({ name }) => name)).toEqual(["deep", "disk", "far"]);
    expect(found.map(readAddress)).toEqual([
      { kind: "tcp", host: "fd00::1", port: 1, tls: { insecureSkipVerify: false, caFile: "/ca.pem" } },
      { kind: "unix", path: join(folder, "disk.sock") },
      { kind: "tcp", host: "10.0.0.1", port: 7000 },
    ]);
  });

  test("a name never leads out of the folder", () => {
    writeFileSync(join(directory, "evil.spec"), "tcp://10.0.0.1:7000\n");
    for (const name of ["../evil", "", ".", "..", "disk\0", "a/b"])
      expect(findPlugin([folder], name)).toBeUndefined();
  });

  test.each(["", "nonsense", "unix://relative", "ftp://h:1", "tcp://host", "tcp://h:1/path?x"])(
    "the address %j is refused",
    (text) => {
      writeFileSync(join(folder, "bad.spec"), text);
      expect(() => readAddress(findPlugin([folder], "bad")!)).toThrow('plugin "bad"');
    },
  );

  test("one that listens on TCP", async () => {
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => plugin.instead.get("tcp")?.({}) ?? forward(request),
    });
    const forward = async (request: Request) =>
      fetch(`http://plugin${new URL(request.url).pathname}`, {
        unix: join(folder, "disk.sock"),
        method: "POST",
        body: await request.text(),
      });
    try {
      writeFileSync(join(folder, "far.spec"), `tcp://127.0.0.1:${server.port}`);
      expect((await volumes.create({ Name: "data", Driver: "far" })).Driver).toBe("far");
      expect(plugin.work).toEqual(["Create data"]);
    } finally {
      await server.stop(true);
    }
  });
});

describe("a plugin with TLS", () => {
  const certificate = (name: string) => {
    const [key, cert] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const made = Bun.spawnSync(
      ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject],
      { stderr: "ignore" },
    );
    expect(made.exitCode).toBe(0);
    return { key, cert };
  };

  test("is believed only where its certificate is the one that was named", async () => {
    const [own, other] = [certificate("own"), certificate("other")];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { key: Bun.file(own.key), cert: Bun.file(own.cert) },
      fetch: () => Response.json({ Implements: ["VolumeDriver"] }),
    });
    try {
      const describe = (TLSConfig: object) => {
        rmSync(join(folder, "safe.json"), { force: true });
        const address = `https://127.0.0.1:${server.port}`;
        writeFileSync(join(folder, "safe.json"), JSON.stringify({ Name: "safe", Addr: address, TLSConfig }));
        volumes = open();
      };
      describe({ CAFile: own.cert });
      expect(await volumes.drivers()).toEqual(["local", "disk", "safe"]);
      for (const wrong of [{}, { CAFile: other.cert }]) {
        describe(wrong);
        expect(await volumes.drivers()).toEqual(["local", "disk"]);
      }
      describe({ InsecureSkipVerify: true });
      expect(await volumes.drivers()).toEqual(["local", "disk", "safe"]);
    } finally {
      await server.stop(true);
    }
  });
});

describe("a volume of a plugin", () => {
  test("is made, told of and removed there", async () => {
    const made = await volumes.create({
      Name: "data",
      Driver: "disk",
      DriverOpts: { size: "5" },
      Labels: { a: "b" },
    });
    expect(made).toMatchObject({
      Name: "data",
      Driver: "disk",
      Scope: "global",
      Mountpoint: "",
      Options: { size: "5" },
      Labels: { a: "b" },
    });
    expect(plugin.volumes.get("data")?.options).toEqual({ size: "5" });
    expect(await volumes.inspect("data")).toMatchObject({
      CreatedAt: "2024-05-06T07:08:09Z",
      Mountpoint: plugin.path("data"),
      Status: { mounts: 0 },
      Scope: "global",
    });
    expect(await listed()).toEqual(["disk data"]);
    await volumes.remove("data");
    expect(plugin.work).toEqual(["Create data", "Remove data"]);
    expect(await listed()).toEqual([]);
    expect(events.map(({ action, attributes }) => `${action} ${attributes["driver"]}`)).toEqual([
      "create disk",
      "destroy disk",
    ]);
    expect(await volumes.drivers()).toEqual(["local", "disk"]);
  });

  test("is mounted for each run of a container, and for none that only uses it", async () => {
    const early = await volumes.acquire({ name: "data", driver: "disk", containerId: "c1", early: true });
    expect(early).toEqual({ name: "data", driver: "disk", path: "", created: true });
    expect(plugin.work).toEqual(["Create data"]);
    const { path } = await volumes.acquire({ name: "data", containerId: "c1" });
    expect(path).toBe(plugin.path("data"));
    await volumes.acquire({ name: "data", containerId: "c2" });
    expect([...plugin.volumes.get("data")!.mounts]).toEqual(["c1", "c2"]);
    await volumes.ended("c1");
    await volumes.ended("c1");
    expect([...plugin.volumes.get("data")!.mounts]).toEqual(["c2"]);
    await expect(volumes.remove("data")).rejects.toThrow("volume is in use - [c1, c2]");
    await volumes.release("c2");
    await volumes.release("c1");
    expect(plugin.work).toEqual(["Create data", "Mount data", "Mount data", "Unmount data", "Unmount data"]);
    await volumes.remove("data");
  });

  test("is still known to be mounted after a restart of the daemon", async () => {
    await volumes.acquire({ name: "data", driver: "disk", containerId: "c1" });
    volumes = open();
    await volumes.recover();
    await volumes.ended("c1");
    expect(plugin.volumes.get("data")?.mounts.size).toBe(0);
  });

  test("is filled from the image, and parts of it can be shown", async () => {
    await volumes.acquire({ name: "data", driver: "disk", containerId: "c1" });
    const image = join(directory, "image");
    mkdirSync(join(image, "var/sub"), { recursive: true });
    chmodSync(join(image, "var"), 0o711);
    using root = openRoot(image);
    await volumes.populate("data", root, "/var");
    expect(existsSync(join(plugin.path("data"), "sub"))).toBe(true);
    using part = volumes.openSubpath("data", "sub");
    expect(part.isDirectory).toBe(true);
  });

  test("that nobody made here is found by its name alone", async () => {
    plugin.volumes.set("theirs", { options: {}, mounts: new Set() });
    mkdirSync(plugin.path("theirs"));
    expect(await listed()).toEqual(["disk theirs"]);
    expect(await volumes.inspect("theirs")).toMatchObject({ Driver: "disk", Scope: "global" });
    const got = await volumes.acquire({ name: "theirs", containerId: "c1" });
    expect(got).toMatchObject({ driver: "disk", created: false, path: plugin.path("theirs") });
    await volumes.release("c1");
    await volumes.remove("theirs");
    expect(plugin.volumes.size).toBe(0);
  });

  test("that is gone there is gone here, and its name is free", async () => {
    await volumes.create({ Name: "data", Driver: "disk" });
    plugin.volumes.clear();
    expect(await listed()).toEqual([]);
    await expect(volumes.inspect("data")).rejects.toThrow("get data: no such volume");
    expect((await volumes.create({ Name: "data" })).Driver).toBe("local");
  });

  test("a name belongs to one driver", async () => {
    await volumes.create({ Name: "data", Driver: "disk" });
    await volumes.create({ Name: "mine" });
    await expect(volumes.create({ Name: "mine", Driver: "disk" })).rejects.toThrow(
      "create mine: conflict: volume name must be unique",
    );
  });

  test("is left alone by prune", async () => {
    await volumes.create({ Name: "data", Driver: "disk" });
    expect((await volumes.prune({ all: ["1"] })).VolumesDeleted).toEqual([]);
    expect(await listed()).toEqual(["disk data"]);
  });

  test("what the plugin refuses is said in its own words", async () => {
    plugin.instead.set("Create", () => Response.json({ Err: "no room\nleft" }));
    await expect(volumes.create({ Name: "data", Driver: "disk" })).rejects.toThrow(
      "create data: no room left",
    );
    plugin.instead.set("Create", () => Response.json({ Err: "very bad" }, { status: 500 }));
    await expect(volumes.create({ Name: "data", Driver: "disk" })).rejects.toThrow(
      "create data: VolumeDriver.Create: very bad",
    );
    expect(await listed()).toEqual([]);
  });

  test("one that cannot be removed there stays, unless by force", async () => {
    await volumes.create({ Name: "data", Driver: "disk" });
    plugin.instead.set("Remove", () => Response.json({ Err: "busy" }));
    await expect(volumes.remove("data")).rejects.toThrow("remove data: busy");
    expect(await listed()).toEqual(["disk data"]);
    await expect(volumes.remove("data", { force: true })).rejects.toThrow("remove data: busy");
    plugin.volumes.clear();
    await expect(volumes.inspect("data")).rejects.toThrow("no such volume");
  });
});

describe("plugins that mean no good, or are dead", () => {
  const never = () => new Promise<Response>(() => {});

  test("one that never answers is given up, and left out of what is asked of all", async () => {
    plugin.instead.set("Plugin.Activate", never);
    const first = await volumes.list();
    expect(first.Warnings?.[0]).toContain("list disk: Plugin.Activate: plugin at unix://");
    expect(first.Warnings?.[0]).toContain("no answer within 0.25 s");
    const asked = plugin.calls.length;
    await volumes.create({ Name: "mine" });
    await volumes.acquire({ name: "other", containerId: "c1" });
    expect(await volumes.drivers()).toEqual(["local"]);
    expect((await volumes.list()).Warnings).toEqual(["list disk: the plugin does not answer"]);
    expect(plugin.calls.length).toBe(asked);
    await expect(volumes.create({ Name: "data", Driver: "disk" })).rejects.toThrow("no answer within 0.5 s");
    // Once it answers to somebody who means it, all is well.
    plugin.instead.clear();
    await volumes.create({ Name: "data", Driver: "disk" });
    expect(await listed()).toEqual(["disk data", "local mine", "local other"]);
  });

  test("one that hangs in the middle of its work holds up nobody else", async () => {
    await volumes.create({ Name: "data", Driver: "disk" });
    plugin.instead.set("Mount", never);
    const stuck = volumes.acquire({ name: "data", containerId: "c1" });
    await volumes.create({ Name: "mine" });
    expect(await listed()).toEqual(["disk data", "local mine"]);
    await expect(stuck).rejects.toThrow("VolumeDriver.Mount: plugin at");
    plugin.instead.set("Unmount", never);
    await volumes.ended("c1");
    await volumes.release("c1");
    plugin.instead.clear();
    await volumes.remove("data");
  });

  test("a socket that nobody listens on is told of, and what is known of its volumes is shown", async () => {
    await volumes.create({ Name: "data", Driver: "disk" });
    await plugin[Symbol.asyncDispose]();
    const dead = await listenAndDie(join(folder, "disk.sock"));
    try {
      const { Volumes: shown, Warnings } = await volumes.list();
      expect(shown).toMatchObject([{ Name: "data", Driver: "disk", Mountpoint: "" }]);
      expect(Warnings?.[0]).toContain("list disk:");
      await expect(volumes.inspect("data")).rejects.toThrow(
        'get data: error while checking if volume "data" exists in driver "disk": ',
      );
    } finally {
      dead.close();
    }
  });

  test("one that is just being started is waited for", async () => {
    await plugin[Symbol.asyncDispose]();
    writeFileSync(join(folder, "disk.spec"), `unix://${join(directory, "late.sock")}`);
    const made = volumes.create({ Name: "data", Driver: "disk" });
    plugin = new TestVolumePlugin(join(directory, "late.sock"), join(directory, "disk"));
    expect((await made).Driver).toBe("disk");
  });

  test("a driver that is not there", async () => {
    await expect(volumes.create({ Name: "data", Driver: "nosuch" })).rejects.toThrow(
      'create data: error looking up volume plugin nosuch: plugin "nosuch" not found',
    );
    await expect(volumes.create({ Name: "data", Driver: "../disk" })).rejects.toThrow("not found");
  });

  test("a plugin of another kind is no volume driver", async () => {
    plugin.instead.set("Plugin.Activate", () => Response.json({ Implements: ["NetworkDriver"] }));
    expect(await volumes.list()).toEqual({ Volumes: [], Warnings: null });
    expect(await volumes.drivers()).toEqual(["local"]);
    await expect(volumes.create({ Name: "data", Driver: "disk" })).rejects.toThrow("does not implement");
  });

  test.each([
    ["no JSON", "<html>"],
    ["no object", "[]"],
    ["null", "null"],
    ["a list that is none", '{"Volumes": {"length": 3}}'],
  ])("an answer that is %s", async (_, text) => {
    plugin.instead.set("List", () => new Response(text));
    const { Volumes: shown, Warnings } = await volumes.list();
    expect(shown).toEqual([]);
    expect(Warnings).toHaveLength(1);
  });

  test("an answer without end is cut off", async () => {
    const piece = new Uint8Array(1 << 20).fill(0x20);
    plugin.instead.set(
      "List",
      () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) })),
    );
    expect((await volumes.list()).Warnings?.[0]).toMatch(/more than 4194304 bytes|no answer within/);
  });

  test("names and paths that would do harm are passed over", async () => {
    plugin.instead.set("List", () =>
      Response.json({
        Volumes: [
          { Name: "good", Mountpoint: "relative/path" },
          { Name: "bad\u001b[2J" },
          { Name: "" },
          { Name: 7 },
          null,
          { Name: "x".repeat(300) },
        ],
      }),
    );
    expect((await volumes.list()).Volumes).toMatchObject([{ Name: "good", Mountpoint: "" }]);
    await volumes.create({ Name: "data", Driver: "disk" });
    for (const path of ["", "relative", "/a\nb", 5]) {
      plugin.instead.set("Mount", () => Response.json({ Mountpoint: path }));
      await expect(volumes.acquire({ name: "data", containerId: "c1" })).rejects.toThrow(
        "does not say where",
      );
    }
    plugin.instead.set("Mount", () => Response.json({ Mountpoint: "/nothing/is/here" }));
    await expect(volumes.acquire({ name: "data", containerId: "c1" })).rejects.toThrow(
      "/nothing/is/here is no directory",
    );
  });
});

test("a directory that does not answer is given up, and so is what is none", async () => {
  await assertAnswers(directory);
  await expect(assertAnswers(directory, 50, ["sleep", "60"])).rejects.toThrow(
    "does not answer within 0.05 s",
  );
  await expect(assertAnswers(join(directory, "nothing"))).rejects.toThrow("is no directory");
});

/** A socket file that is left of a program that has ended: connecting to it is refused. */
async function listenAndDie(path: string): Promise<Server> {
  const child = Bun.spawn([
    process.execPath,
    "-e",
    `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
  ]);
  await child.exited;
  return createServer();
}
