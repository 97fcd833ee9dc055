import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { kindOf } from "../../lib/index.ts";
import { openRoot, resolveInRoot } from "../../linux/index.ts";
import { parseBind } from "../mounts/bind.ts";
import { recordFor } from "../testing.ts";
import { quiet, World } from "../testing-world.ts";
import { checkWritable } from "./archive.ts";
import { baseName, containerPath } from "./paths.ts";
import { goFileMode } from "./stat.ts";

let world: World;
let files: string;
beforeEach(() => {
  world = new World();
  files = join(world.root, "files");
  world.files = files;
  mkdirSync(join(files, "etc"), { recursive: true });
  mkdirSync(join(files, "data", "sub"), { recursive: true });
  writeFileSync(join(files, "etc", "passwd"), "root:x:0:0\n");
  writeFileSync(join(files, "data", "sub", "file"), "content");
  symlinkSync("/data/sub", join(files, "absolute"));
  symlinkSync("../../../../../../etc", join(files, "out"));
  symlinkSync("loop", join(files, "loop"));
  symlinkSync("nowhere/else", join(files, "dangling"));
});
afterEach(() => world.dispose());

const put = { noOverwriteDirNonDir: false, copyUIDGID: false };

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function* body(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

/** Names in a tar, as tar(1) lists them. */
function listed(archive: Buffer): string[] {
  const { stdout } = Bun.spawnSync(["tar", "-tPf", "-"], { stdin: archive });
  return stdout.toString().trim().split("\n");
}

function tarOf(directory: string, ...names: string[]): Buffer {
  return Bun.spawnSync(["tar", "-C", directory, "-cPf", "-", ...names]).stdout as Buffer;
}

async function refusal(work: Promise<unknown>): Promise<[string, string]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error("it was not refused");
  return [kindOf(error), error.message];
}

describe("paths", () => {
  test("are cleaned, but for what the last component says", () => {
    expect(["a/b", "/a/../../b/", "/", ".", "/a/.", "//a//b", "", "/a/./"].map(containerPath)).toEqual([
      "/a/b",
      "/b/",
      "/",
      "/.",
      "/a/.",
      "/a/b",
      "/",
      "/a/",
    ]);
    expect(["/", "/a/b", "/a/b/", "/a/."].map(baseName)).toEqual(["/", "b", "b", "."]);
  });

  test("links are followed within the root, however they point", () => {
    using root = openRoot(files);
    expect(resolveInRoot(root, "/absolute/file")).toBe("/data/sub/file");
    expect(resolveInRoot(root, "/out/passwd")).toBe("/etc/passwd");
    expect(resolveInRoot(root, "/dangling")).toBe("/nowhere/else");
    expect(resolveInRoot(root, "/../../etc/../absolute/..")).toBe("/data");
    expect(resolveInRoot(root, "/loop")).toBe("/loop");
  });

  test("modes are Go's", () => {
    expect(goFileMode({ kind: "file", mode: 0o644 })).toBe(0o644);
    expect(goFileMode({ kind: "directory", mode: 0o1777 })).toBe(2 ** 31 + 0o777 + 2 ** 20);
    expect(goFileMode({ kind: "file", mode: 0o6755 })).toBe(0o755 + 2 ** 23 + 2 ** 22);
    expect(goFileMode({ kind: "symlink", mode: 0o777 })).toBe(2 ** 27 + 0o777);
    expect(goFileMode({ kind: "char", mode: 0o666 })).toBe(2 ** 26 + 2 ** 21 + 0o666);
  });
});

describe("stat", () => {
  test("a file, a directory, a link, a link's directory", async () => {
    await world.run("web");
    utimesSync(join(files, "etc", "passwd"), 1_700_000_000, 1_700_000_000);
    chmodSync(join(files, "etc", "passwd"), 0o640);
    expect(await world.containers.archiveStat("web", "etc/passwd")).toEqual({
      name: "passwd",
      size: 11,
      mode: 0o640,
      mtime: "2023-11-14T22:13:20Z",
      linkTarget: "",
    });
    expect(await world.containers.archiveStat("web", "/absolute")).toMatchObject({
      name: "absolute",
      linkTarget: "/data/sub",
    });
    const followed = await world.containers.archiveStat("web", "/absolute/");
    expect(followed).toMatchObject({ name: "absolute", linkTarget: "" });
    expect(followed.mode).toBeGreaterThanOrEqual(2 ** 31);
  });

  test("what is not there", async () => {
    await world.run("web");
    expect(await refusal(world.containers.archiveStat("web", "/nope/x"))).toEqual([
      "NotFound",
      "Could not find the file /nope/x in container web",
    ]);
    expect((await refusal(world.containers.archiveStat("web", "/etc/passwd/")))[0]).toBe("System");
  });
});

describe("get", () => {
  beforeEach(() => world.run("web"));

  test.each([
    ["/etc/passwd", ["passwd"]],
    ["/data", ["data/", "data/sub/", "data/sub/file"]],
    ["/data/.", ["./", "./sub/", "./sub/file"]],
    ["/absolute", ["absolute"]],
    ["/absolute/", ["absolute/", "absolute/file"]],
    ["/out/passwd", ["passwd"]],
  ])("%s", async (path, names) => {
    const { tar } = await world.containers.archiveGet("web", path);
    expect(listed(await collect(tar))).toEqual(names);
    expect(world.events.at(-1)).toBe("archive-path");
  });

  test("of what the kernel shows there are the directories only", async () => {
    for (const path of ["proc/1", "sys/fs", "dev", "developer"])
      mkdirSync(join(files, path), { recursive: true });
    for (const path of ["proc/1/environ", "sys/kernel", "dev/null", "developer/file"]) {
      writeFileSync(join(files, path), "");
    }
    const names = async (path: string, container = "web") =>
      listed(await collect((await world.containers.archiveGet(container, path)).tar)).filter((name) =>
        /dev|proc|sys|^\.\/$/.test(name),
      );
    expect(await names("/.")).toEqual([
      "./",
      "./dev/",
      "./developer/",
      "./developer/file",
      "./proc/",
      "./sys/",
    ]);
    expect(await names("/proc/.")).toEqual(["./"]);
    expect(await names("/sys")).toEqual(["sys/"]);
    await world.run("own", { HostConfig: { Binds: [`${files}:/dev`] } });
    expect(await names("/dev", "own")).toEqual(["dev/", "dev/null"]);
    await world.containers.stop("own", { timeoutSeconds: 0 });
    expect(await names("/proc", "own")).toEqual(["proc/", "proc/1/", "proc/1/environ"]);
  });

  test("what is not there is told before the stream", async () => {
    expect((await refusal(world.containers.archiveGet("web", "/nope")))[0]).toBe("NotFound");
  });
});

describe("a container at rest", () => {
  test("is mounted for the purpose, and cannot start meanwhile", async () => {
    await world.create("web");
    const { tar } = await world.containers.archiveGet("web", "/data");
    const starting = world.containers.start("web");
    await quiet();
    expect((await world.containers.inspect("web")).State.Running).toBe(false);
    expect(world.mounted.size).toBe(1);
    expect(listed(await collect(tar))).toHaveLength(3);
    await starting;
    expect(readdirSync(join(world.root, "exec", "mounts"))).toEqual([]);
  });

  test("a stream that is left unread lets go", async () => {
    await world.create("web");
    const { tar } = await world.containers.archiveGet("web", "/data");
    await tar[Symbol.asyncIterator]().return?.();
    expect(world.mounted.size).toBe(0);
    expect(world.containers.held.queues).toBe(0);
    await world.containers.start("web");
  });

  test("its volumes are there, an outer one before an inner one", async () => {
    await world.create("web", {
      HostConfig: { Binds: [`${files}:/data/sub`, "named:/data"], Tmpfs: { "/t": "" } },
    });
    await world.containers.archiveStat("web", "/data");
    expect(world.log.filter((line) => line.startsWith("bind"))).toEqual([
      "bind /volumes/named/_data /data",
      `bind ${files} /data/sub`,
    ]);
  });
});

describe("put", () => {
  test("plain and compressed", async () => {
    await world.run("web");
    const archive = tarOf(files, "etc/passwd");
    await world.containers.archivePut("web", "/data", body(archive), put);
    expect(readFileSync(join(files, "data", "etc", "passwd"), "utf8")).toBe("root:x:0:0\n");
    await world.containers.archivePut("web", "/absolute", body(gzipSync(archive)), put);
    expect(existsSync(join(files, "data", "sub", "etc", "passwd"))).toBe(true);
    expect(world.events.at(-1)).toBe("extract-to-dir");
  });

  test("into what is no directory, or is not there", async () => {
    await world.run("web");
    const archive = () => body(tarOf(files, "etc/passwd"));
    expect(await refusal(world.containers.archivePut("web", "/etc/passwd", archive(), put))).toEqual([
      "InvalidParameter",
      "extraction point is not a directory",
    ]);
    expect(await refusal(world.containers.archivePut("web", "/nope", archive(), put))).toEqual([
      "NotFound",
      "Could not find the file /nope in container web",
    ]);
  });

  test("a path that leads out, and a name in the archive that does, stay inside", async () => {
    await world.run("web");
    symlinkSync(world.root, join(files, "escape"));
    const canary = join(world.root, "canary");
    writeFileSync(canary, "untouched");
    const before = lstatSync(world.root).mode;
    const evil = join(world.root, "evil");
    mkdirSync(evil);
    writeFileSync(join(evil, "canary"), "pwned");
    // The link is absolute: within the container it leads to a directory of that name there, which is missing.
    expect(
      (await refusal(world.containers.archivePut("web", "/escape", body(tarOf(evil, "canary")), put)))[0],
    ).toBe("NotFound");
    const climbing = Bun.spawnSync(
      ["tar", "-C", evil, "-cPf", "-", "--transform", "s,canary,../../canary,", "canary"],
      {},
    ).stdout as Buffer;
    await refusal(world.containers.archivePut("web", "/data", body(climbing), put));
    expect(readFileSync(canary, "utf8")).toBe("untouched");
    expect(lstatSync(world.root).mode).toBe(before);
  });

  test("a directory does not take a file's place where the client says so", async () => {
    await world.run("web");
    const source = join(world.root, "source");
    mkdirSync(join(source, "passwd"), { recursive: true });
    const work = world.containers.archivePut("web", "/etc", body(tarOf(source, "passwd")), {
      ...put,
      noOverwriteDirNonDir: true,
    });
    expect((await refusal(work))[0]).toBe("InvalidParameter");
    expect(readFileSync(join(files, "etc", "passwd"), "utf8")).toBe("root:x:0:0\n");
  });

  test("as the container's user", async () => {
    await world.run("web", { User: "1234" });
    await world.containers.archivePut("web", "/data", body(tarOf(files, "etc/passwd")), {
      ...put,
      copyUIDGID: true,
    });
    expect(lstatSync(join(files, "data", "etc", "passwd")).uid).toBe(1234);
  });

  test("what is read-only says so", () => {
    const record = recordFor({
      host: { ReadonlyRootfs: true },
      mounts: [
        { ...parseBind("/a:/ro:ro", undefined) },
        { ...parseBind("/b:/ro/rw", undefined) },
        { ...parseBind("/c:/rw", undefined) },
      ],
    });
    expect(() => checkWritable(record, "/etc")).toThrow("container rootfs is marked read-only");
    expect(() => checkWritable(record, "/rwx")).toThrow("container rootfs is marked read-only");
    expect(() => checkWritable(record, "/ro/x")).toThrow("mounted volume is marked read-only");
    checkWritable(record, "/ro/rw/x");
    checkWritable(record, "/rw");
    checkWritable(recordFor({}), "/etc");
  });
});
