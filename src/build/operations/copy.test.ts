import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmod,
  chown,
  link,
  lutimes,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseIgnoreFile } from "../../lib/ignore/index.ts";
import { encodeHeader, encodeName, padding, TAR_END } from "../../lib/index.ts";
import { openRoot } from "../../linux/index.ts";
import { FileDigests, LocalTree } from "../contents/index.ts";
import type { OperationItem } from "../graph/index.ts";
import type { DiffId } from "../ports.ts";
import type { LayersResult, Result, Work } from "../solve/contract.ts";
import { CopyOperation } from "./copy.ts";
import { layersOfTest, listTar, sourceOf, TestLayers, testScope, testWork } from "./testing.ts";

let top: string;
let layers: TestLayers;
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), "berth-copy-"));
  layers = await TestLayers.open();
});
afterAll(async () => {
  await rm(top, { recursive: true });
  await layers[Symbol.asyncDispose]();
});

const OLD = new Date("2020-02-02T02:02:02Z");

/** A directory of files; `name/` is a folder, `name -> target` a link. */
async function directory(files: Record<string, string>): Promise<string> {
  const path = await mkdtemp(join(top, "tree-"));
  for (const [name, content] of Object.entries(files)) {
    const [, from, target] = /^(.*) -> (.*)$/.exec(name) ?? [];
    const place = join(path, from ?? name);
    await mkdir(name.endsWith("/") ? place : dirname(place), { recursive: true });
    if (from !== undefined) {
      await symlink(target!, place);
      await lutimes(place, OLD, OLD);
    } else if (!name.endsWith("/")) {
      await writeFile(place, content);
      await utimes(place, OLD, OLD);
    }
  }
  return path;
}

interface Asked {
  readonly path?: string;
  readonly paths?: readonly string[];
  readonly destination?: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly exclude?: readonly string[];
  readonly pattern?: string;
  readonly unpack?: boolean;
  readonly wildcards?: boolean;
  readonly ignore?: string;
  readonly base?: readonly DiffId[];
  readonly from?: Result;
  readonly epoch?: number;
  readonly printed?: string[];
}

const operation = new CopyOperation(new FileDigests(undefined), undefined);

async function workOf(source: string, asked: Asked): Promise<Work<"copy"> & AsyncDisposable> {
  const { destination = "/", chown: owner = "", chmod: mode = "", exclude = [], base = [] } = asked;
  const paths = asked.paths ?? [asked.path ?? "/"];
  const items = paths.map(
    (path): OperationItem => ({
      input: 1,
      path,
      pattern: asked.pattern,
      unpack: asked.unpack ?? false,
      wildcards: asked.wildcards ?? true,
    }),
  );
  const rules = asked.ignore === undefined ? undefined : parseIgnoreFile(asked.ignore);
  const tree = new LocalTree(
    { path: source },
    rules && ((path) => !rules.leavesOut(path)),
    new FileDigests(undefined),
  );
  const work = testWork(
    { kind: "copy", items, destination, chown: owner, chmod: mode, exclude },
    [layersOfTest(base), asked.from ?? sourceOf(tree)],
    testScope(layers, top, asked.epoch === undefined ? {} : { epoch: asked.epoch }),
    asked.printed,
  );
  return { ...work, [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose]() };
}

/** The stack that a copy makes. */
async function copied(source: string, asked: Asked): Promise<readonly DiffId[]> {
  await using work = await workOf(source, asked);
  await operation.key(work);
  const result = (await operation.run(work)) as LayersResult;
  return result.layers;
}

/** The new layer, listed. */
async function copy(source: string, asked: Asked): Promise<string[]> {
  const stack = await copied(source, asked);
  return stack.length === (asked.base?.length ?? 0) ? [] : await listTar(layers.tars.get(stack.at(-1)!)!);
}

async function keyOf(source: string, asked: Asked) {
  await using work = await workOf(source, asked);
  return await operation.key(work);
}

describe("where files come to", () => {
  test("one file under the destination's name, or into a folder under its own", async () => {
    const source = await directory({ a: "one" });
    expect(await copy(source, { path: "/a", destination: "/x/b" })).toEqual([
      "directory x/ 755 0:0",
      "file x/b 644 0:0 3",
    ]);
    expect(await copy(source, { path: "/a", destination: "/x/" })).toEqual([
      "directory x/ 755 0:0",
      "file x/a 644 0:0 3",
    ]);
    expect(await copy(source, { path: "/a", destination: "/x/." })).toEqual([
      "directory x/ 755 0:0",
      "file x/a 644 0:0 3",
    ]);
  });

  test("a folder's contents, not the folder", async () => {
    const source = await directory({ "d/a": "1", "d/s/b": "22", "d/empty/": "", "d/l -> s/b": "" });
    expect(await copy(source, { path: "/d", destination: "/x" })).toEqual([
      "directory x/ 755 0:0",
      "file x/a 644 0:0 1",
      "directory x/empty/ 755 0:0",
      "symlink x/l 777 0:0 -> s/b",
      "directory x/s/ 755 0:0",
      "file x/s/b 644 0:0 2",
    ]);
    expect(await copy(source, { path: "/d", destination: "/" })).toHaveLength(5);
  });

  test("several sources, of which the last wins", async () => {
    const source = await directory({ a: "1", b: "22", "d/a": "333" });
    expect(await copy(source, { paths: ["/a", "/b", "/d"], destination: "/x/" })).toEqual([
      "directory x/ 755 0:0",
      "file x/a 644 0:0 3",
      "file x/b 644 0:0 2",
    ]);
  });

  test("the base's folders keep what they are; links among them are followed inside of it", async () => {
    const base = await directory({ "data/keep": "x", "srv -> ../../data": "", "etc/passwd": "" });
    await chmod(join(base, "data"), 0o1777);
    await chown(join(base, "data"), 7, 8);
    const from = await layersFrom(base);
    const source = await directory({ a: "1" });
    expect(await copy(source, { path: "/a", destination: "/srv/deep/", base: from })).toEqual([
      "directory data/ 1777 7:8",
      "directory data/deep/ 755 0:0",
      "file data/deep/a 644 0:0 1",
    ]);
    expect(await copy(source, { path: "/a", destination: "/srv", base: from })).toEqual([
      "directory data/ 1777 7:8",
      "file data/a 644 0:0 1",
    ]);
  });

  test("folders that are copied onto folders give them their attributes, but not the topmost", async () => {
    const from = await layersFrom(await directory({ "x/s/": "" }));
    const source = await directory({ "d/s/": "" });
    await chmod(join(source, "d"), 0o700);
    await chmod(join(source, "d/s"), 0o750);
    expect(await copy(source, { path: "/d", destination: "/x", base: from })).toEqual([
      "directory x/ 755 0:0",
      "directory x/s/ 750 0:0",
    ]);
  });

  test("what cannot be", async () => {
    const from = await layersFrom(await directory({ file: "", "folder/name/": "", "folder/l -> /file": "" }));
    const source = await directory({ name: "1", "d/l/": "" });
    const failing = (asked: Asked) => copy(source, { base: from, ...asked });
    await expect(failing({ path: "/name", destination: "/file/" })).rejects.toThrow(
      "mkdir /file: not a directory",
    );
    await expect(failing({ path: "/name", destination: "/file/x" })).rejects.toThrow(
      "mkdir /file: not a directory",
    );
    await expect(failing({ path: "/name", destination: "/folder/" })).rejects.toThrow(
      "cannot replace to directory /folder/name with file",
    );
    await expect(failing({ path: "/d", destination: "/folder" })).rejects.toThrow(
      "cannot copy to non-directory: /folder/l",
    );
    await expect(failing({ path: "/d", destination: "/file" })).rejects.toThrow(
      "cannot copy to non-directory: /file",
    );
  });

  test("a file takes the place of a file or a link, not of what the link leads to", async () => {
    const from = await layersFrom(await directory({ target: "kept", "d/l -> /target": "" }));
    const source = await directory({ l: "new" });
    const stack = await copied(source, { path: "/", destination: "/d", base: from });
    using root = await layers.view(stack);
    expect(root.stat("/d/l", { follow: false }).kind).toBe("file");
    expect(Buffer.from(root.readFile("/target", 99)).toString()).toBe("kept");
  });
});

/** A layer that holds a directory's files, owners and all. */
async function layersFrom(source: string): Promise<readonly DiffId[]> {
  const { packTree } = await import("../../linux/index.ts");
  using root = openRoot(source);
  const layer = await layers.receive(packTree(root, "/", { name: "" }));
  await layer.keep();
  return [layer.diffId];
}

describe("what is chosen", () => {
  test("wildcards, of each component", async () => {
    const source = await directory({
      "a.c": "1",
      "b.c": "2",
      "b.h": "3",
      "s/c.c": "4",
      "t/c.c": "5",
      ".d": "",
    });
    expect(await copy(source, { path: "/*.c" })).toEqual(["file a.c 644 0:0 1", "file b.c 644 0:0 1"]);
    expect(await copy(source, { path: "/[st]/c.?", destination: "/x/" })).toHaveLength(2);
    expect(await copy(source, { path: "/*.none" })).toEqual([]);
    expect(await copy(source, { path: "/*" })).toHaveLength(5);
    await expect(copy(source, { path: "/none/*" })).rejects.toThrow("lstat /none: no such file or directory");
    await expect(copy(source, { path: "/[" })).rejects.toThrow("syntax error in pattern");
    expect(await copy(source, { path: "/s*", destination: "/x" })).toEqual([
      "directory x/ 755 0:0",
      "file x/c.c 644 0:0 1",
    ]);
  });

  test("--exclude", async () => {
    const source = await directory({ "a.md": "", "a.c": "", "s/b.md": "", "s/b.c": "", "s/keep.md": "" });
    const names = async (asked: Asked) => (await copy(source, asked)).map((line) => line.split(" ")[1]);
    expect(await names({ exclude: ["*.md"] })).toEqual(["a.c", "s/", "s/b.c", "s/b.md", "s/keep.md"]);
    expect(await names({ exclude: ["**/*.md", "!**/keep.md"] })).toEqual(["a.c", "s/", "s/b.c", "s/keep.md"]);
    expect(await names({ exclude: ["s"] })).toEqual(["a.c", "a.md"]);
    expect(await names({ exclude: ["s", "!s/keep.md"] })).toEqual(["a.c", "a.md", "s/", "s/keep.md"]);
    expect(await names({ path: "/a*", exclude: ["*.md"], destination: "/x/" })).toEqual(["x/", "x/a.c"]);
  });

  test("--parents keeps the folders above", async () => {
    const source = await directory({ "a/b/c.txt": "", "a/d/e.txt": "", "a/d/f.c": "" });
    const names = async (asked: Asked) => (await copy(source, asked)).map((line) => line.split(" ")[1]);
    expect(await names({ pattern: "a/*/*.txt", destination: "/x/" })).toEqual([
      ...["x/", "x/a/", "x/a/b/", "x/a/b/c.txt", "x/a/d/", "x/a/d/e.txt"],
    ]);
    expect(await names({ path: "/a", pattern: "d", destination: "/x/" })).toEqual([
      "x/",
      "x/d/",
      "x/d/e.txt",
      "x/d/f.c",
    ]);
    await expect(copy(source, { pattern: "a/none", destination: "/x/" })).rejects.toThrow(
      '"/a/none": not found',
    );
  });

  test("what is not there, in BuildKit's words", async () => {
    const source = await directory({ a: "" });
    await expect(copy(source, { path: "/none" })).rejects.toThrow(
      /^failed to compute cache key: failed to calculate checksum of ref [0-9a-f]{25}: "\/none": not found$/,
    );
  });

  test("what .dockerignore leaves out is not there, not by a link either", async () => {
    const source = await directory({ secret: "s", "l -> secret": "", "d/secret": "s", "d/x": "" });
    const ignore = "**/secret";
    expect(await copy(source, { ignore })).toEqual([
      "directory d/ 755 0:0",
      "file d/x 644 0:0 0",
      "symlink l 777 0:0 -> secret",
    ]);
    await expect(copy(source, { path: "/secret", ignore })).rejects.toThrow('"/secret": not found');
    await expect(copy(source, { path: "/l", destination: "/x", ignore })).rejects.toThrow('"/l": not found');
  });

  test("a link that is asked for is followed, within the source only", async () => {
    const source = await directory({
      "d/a": "inside",
      "l -> d": "",
      "f -> d/a": "",
      "out -> /etc/passwd": "",
      "up -> ../../../../d": "",
    });
    expect(await copy(source, { path: "/l", destination: "/x" })).toHaveLength(2);
    expect(await copy(source, { path: "/f", destination: "/x/" })).toEqual([
      "directory x/ 755 0:0",
      "file x/f 644 0:0 6",
    ]);
    expect(await copy(source, { path: "/up", destination: "/x" })).toHaveLength(2);
    await expect(copy(source, { path: "/out", destination: "/x" })).rejects.toThrow('"/out": not found');
    expect(await copy(source, { path: "/f", destination: "/x", wildcards: false })).toEqual([
      "symlink x 777 0:0 -> d/a",
    ]);
  });
});

describe("attributes", () => {
  test("files of a context are root's, those of layers keep their owners; times are whole seconds", async () => {
    const source = await directory({ a: "1" });
    await chown(join(source, "a"), 1000, 1001);
    await chmod(join(source, "a"), 0o6755);
    expect(await copy(source, { path: "/a" })).toEqual(["file a 6755 0:0 1"]);
    const from = layersOfTest(await layersFrom(source));
    expect(await copy(source, { path: "/a", from })).toEqual(["file a 6755 1000:1001 1"]);
    const stack = await copied(source, { path: "/a" });
    using view = await layers.view(stack);
    expect(view.stat("/a").mtimeNs).toBe(BigInt(OLD.getTime()) * 1_000_000n);
  });

  test("--chown by name and number, --chmod in both forms", async () => {
    const passwd = "root:x:0:0::/:\nweb:x:101:102::/:\n";
    const base = await layersFrom(
      await directory({ "etc/passwd": passwd, "etc/group": "web:x:102:\nstaff:x:50:\n" }),
    );
    const source = await directory({ "d/a": "1" });
    const first = async (asked: Asked) =>
      (await copy(source, { path: "/d", destination: "/x", base, ...asked })).join(", ");
    expect(await first({ chown: "web" })).toBe("directory x/ 755 101:102, file x/a 644 101:102 1");
    expect(await first({ chown: "web:staff" })).toBe("directory x/ 755 101:50, file x/a 644 101:50 1");
    expect(await first({ chown: "5" })).toBe("directory x/ 755 5:5, file x/a 644 5:5 1");
    expect(await first({ chown: "5:6" })).toBe("directory x/ 755 5:6, file x/a 644 5:6 1");
    expect(await first({ chown: "nobody" })).toBe("directory x/ 755 0:0, file x/a 644 0:0 1");
    expect(await first({ chmod: "750" })).toBe("directory x/ 750 0:0, file x/a 750 0:0 1");
    expect(await first({ chmod: "u=rwX,go=rX" })).toBe("directory x/ 755 0:0, file x/a 644 0:0 1");
    await expect(copy(source, { path: "/d", chown: "web" })).rejects.toThrow("invalid missing user mount");
    await expect(first({ chown: "4294967296" })).rejects.toThrow("uids and gids must be in range");
  });

  test("hard links stay, pipes come along, sockets and marks of layers do not", async () => {
    const source = await directory({ a: "same", ".wh.b": "", "d/": "" });
    await link(join(source, "a"), join(source, "d/b"));
    using root = openRoot(source);
    root.mknod("pipe", "fifo", 0o600);
    root.mknod("socket", "socket", 0o600);
    root.setXattr("a", "user.note", Buffer.from("hello"));
    const printed: string[] = [];
    const stack = await copied(source, { printed });
    expect(await listTar(layers.tars.get(stack[0]!)!)).toEqual([
      "file a 644 0:0 4",
      "directory d/ 755 0:0",
      "hardlink d/b 644 0:0 -> a",
      "fifo pipe 600 0:0",
    ]);
    expect(printed.join("")).toContain('"/.wh.b" is left out');
    using view = await layers.view(stack);
    expect(Buffer.from(view.getXattr("a", "user.note")!).toString()).toBe("hello");
  });

  test("names that are not UTF-8, with newlines, very long", async () => {
    const source = await directory({ "new\nline": "1" });
    using root = openRoot(source);
    root.mknod(encodeName("\udcff\udcfe"), "file", 0o644);
    const long = `${"n".repeat(200)}/${"m".repeat(200)}`;
    root.mkdirAll(long);
    const stack = await copied(source, {});
    using view = await layers.view(stack);
    expect(view.exists("new\nline")).toBe(true);
    expect(view.exists(Uint8Array.of(0xff, 0xfe))).toBe(true);
    expect(view.exists(long)).toBe(true);
  });

  test("an epoch is the latest time; with it the same files give the same layer", async () => {
    const epoch = Math.floor(OLD.getTime() / 1000) - 5;
    const first = await directory({ "d/a": "1" });
    const second = await directory({ "d/a": "1" });
    const stacks = [first, second].map((source) => copied(source, { path: "/", destination: "/x/y", epoch }));
    const [one, other] = await Promise.all(stacks);
    expect(one).toEqual(other!);
    using view = await layers.view(one!);
    for (const path of ["/x", "/x/y/d", "/x/y/d/a"]) {
      expect(view.stat(path).mtimeNs).toBe(BigInt(epoch) * 1_000_000_000n);
    }
  });
});

describe("the key", () => {
  test("changes with names, modes, contents and links; not with times, owners of a context, or what is not chosen", async () => {
    const make = () => directory({ "d/a": "1", "d/l -> a": "", other: "" });
    const [first, second] = [await make(), await make()];
    const asked = { path: "/d", destination: "/x" };
    const key = await keyOf(first, asked);
    await utimes(join(second, "d/a"), 1, 1);
    await chown(join(second, "d/a"), 12, 13);
    await writeFile(join(second, "other"), "changed");
    expect(await keyOf(second, asked)).toBe(key);
    await writeFile(join(second, "d/a"), "2");
    expect(await keyOf(second, asked)).not.toBe(key);
    await writeFile(join(second, "d/a"), "1");
    expect(await keyOf(second, asked)).toBe(key);
    await chmod(join(second, "d/a"), 0o600);
    expect(await keyOf(second, asked)).not.toBe(key);
    await chmod(join(second, "d/a"), 0o644);
    await rm(join(second, "d/l"));
    await symlink("b", join(second, "d/l"));
    expect(await keyOf(second, asked)).not.toBe(key);
    expect(await keyOf(first, { ...asked, epoch: 1 })).not.toBe(key);
    expect(await keyOf(first, { ...asked, chmod: "600" })).not.toBe(key);
    expect(await keyOf(first, { ...asked, destination: "/y" })).not.toBe(key);
  });

  test("names that are not UTF-8 are told apart", async () => {
    const keys = await Promise.all(
      [0xff, 0xfe].map(async (byte) => {
        const source = await directory({});
        using root = openRoot(source);
        root.mknod(Uint8Array.of(byte), "file", 0o644);
        return await keyOf(source, {});
      }),
    );
    expect(keys[0]).not.toBe(keys[1]!);
  });

  test("a file that changes between key and copy fails the copy", async () => {
    for (const content of ["same length!", "longer than it was before"]) {
      const source = await directory({ "d/a": "SAME LENGTH!" });
      await using work = await workOf(source, { path: "/d" });
      await operation.key(work);
      await writeFile(join(source, "d/a"), content);
      await expect(operation.run(work)).rejects.toThrow("changed while they were being read");
    }
    const source = await directory({ "d/a": "1" });
    await using work = await workOf(source, { path: "/d" });
    await operation.key(work);
    await rm(join(source, "d"), { recursive: true });
    await symlink("/etc", join(source, "d"));
    await expect(operation.run(work)).rejects.toThrow();
  });
});

describe("archives", () => {
  const tar = Buffer.concat([
    encodeHeader({ name: "dir/", kind: "directory", mode: 0o750, uid: 3, gid: 4 }),
    encodeHeader({ name: "dir/file", kind: "file", size: 5, uid: 3, gid: 4 }),
    Buffer.from("hello"),
    padding(5),
    encodeHeader({ name: "dir/link", kind: "symlink", linkName: "/etc/passwd" }),
    TAR_END,
  ]);
  const forms: Record<string, Uint8Array> = {
    plain: tar,
    gzip: Bun.gzipSync(tar),
    zstd: Bun.zstdCompressSync(tar),
    xz: Bun.spawnSync(["xz", "-c"], { stdin: tar }).stdout,
    bzip2: Bun.spawnSync(["bzip2", "-c"], { stdin: tar }).stdout,
  };

  for (const [form, bytes] of Object.entries(forms)) {
    test(`${form} is unpacked where it is to go`, async () => {
      const source = await directory({ other: "x" });
      await writeFile(join(source, "archive"), bytes);
      const stack = await copied(source, { paths: ["/archive", "/other"], destination: "/x/", unpack: true });
      using view = await layers.view(stack);
      expect(Buffer.from(view.readFile("/x/dir/file", 99)).toString()).toBe("hello");
      expect(view.stat("/x/dir")).toMatchObject({ mode: 0o750, uid: 3, gid: 4 });
      expect(view.readLink("/x/dir/link")).toBe("/etc/passwd");
      expect(view.exists("/x/other")).toBe(true);
      expect(view.exists("/x/archive")).toBe(false);
    });
  }

  test("what only looks like one is copied, as is one that is not to be unpacked", async () => {
    const source = await directory({ text: "no archive" });
    await writeFile(join(source, "zip.gz"), Bun.gzipSync(Buffer.from("text")));
    await writeFile(join(source, "zeros"), Buffer.alloc(4096));
    await writeFile(join(source, "damaged.gz"), Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]));
    expect(await copy(source, { path: "/", unpack: true })).toHaveLength(4);
    const names = ["/zip.gz", "/zeros", "/damaged.gz"];
    expect(await copy(source, { paths: names, destination: "/x/", unpack: true })).toHaveLength(4);
    await writeFile(join(source, "archive"), tar);
    expect(await copy(source, { path: "/archive" })).toEqual([`file archive 644 0:0 ${tar.length}`]);
  });

  test("one that climbs out is refused, and links of the base lead nowhere else", async () => {
    const source = await directory({});
    const outside = encodeHeader({ name: "../../escaped", kind: "file", size: 0 });
    await writeFile(join(source, "bad.tar"), Buffer.concat([outside, TAR_END]));
    await expect(copy(source, { path: "/bad.tar", destination: "/x/", unpack: true })).rejects.toThrow(
      "outside",
    );
    const victim = await directory({ "victim/": "" });
    const base = await layersFrom(await directory({ [`x -> ${victim}/victim`]: "" }));
    await writeFile(join(source, "good.tar"), tar);
    const stack = await copied(source, { path: "/good.tar", destination: "/x/", unpack: true, base });
    using view = await layers.view(stack.slice(-1));
    expect(view.exists(`${victim}/victim/dir/file`)).toBe(true);
    await expect(readFile(join(victim, "victim/dir/file"))).rejects.toThrow();
  });

  test("--chown counts for them", async () => {
    const source = await directory({});
    await writeFile(join(source, "a.tar"), tar);
    const stack = await copied(source, { path: "/a.tar", destination: "/x/", unpack: true, chown: "9:9" });
    using view = await layers.view(stack);
    expect(view.stat("/x/dir/file")).toMatchObject({ uid: 9, gid: 9 });
  });
});

describe("copies on copies", () => {
  const EPOCH = { epoch: 1_700_000_000 };
  const steps: readonly Asked[] = [
    { path: "/a", destination: "/made/a" },
    { path: "/a", destination: "/base/link/a" },
    { path: "/folder", destination: "/base/folder" },
    { path: "/folder", destination: "/made", chown: "app:staff", chmod: "750" },
    { path: "/b", destination: "/made/in/b", chown: "app" },
    { path: "/a", destination: "/to/c" },
    { path: "/many", destination: "/made/in" },
    { path: "/many", destination: "/base" },
    { path: "/passwd", destination: "/etc/passwd" },
    { path: "/b", destination: "/again", chown: "other" },
    { path: "/a", destination: "/again" },
  ];

  async function folders() {
    const base = await directory({
      "base/link -> ../real": "",
      "real/": "",
      "base/folder/old": "old",
      "etc/passwd": "app:x:5:6::/:/bin/sh\n",
      "etc/group": "staff:x:7:\n",
    });
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`many/${index}`, "x"]));
    const source = await directory({
      ...{ a: "a", b: "b", "folder/f": "f", "folder/to -> /elsewhere": "", ...many },
      ...{ passwd: "other:x:8:9::/:/bin/sh\n" },
    });
    await using work = await workOf(base, EPOCH);
    const unknown = new CopyOperation(new FileDigests(undefined), undefined);
    return { base: ((await unknown.run(work)) as LayersResult).layers, source };
  }

  test("give what they would give if nothing was remembered", async () => {
    const { base, source } = await folders();
    let remembered = base;
    let fresh = base;
    for (const step of steps) {
      remembered = await copied(source, { ...step, ...EPOCH, base: remembered });
      await using work = await workOf(source, { ...step, ...EPOCH, base: fresh });
      const alone = new CopyOperation(new FileDigests(undefined), undefined);
      fresh = ((await alone.run(work)) as LayersResult).layers;
      expect(remembered).toEqual(fresh);
    }
    expect(await listTar(layers.tars.get(remembered[4]!)!)).toContain("directory made/ 755 0:0");
    expect(await listTar(layers.tars.get(remembered.at(-2)!)!)).toEqual(["file again 644 8:9 1"]);
  });

  test("look only at what is below them all, unless names are asked for that one of them brought", async () => {
    const { base, source } = await folders();
    layers.viewed.length = 0;
    let stack = base;
    for (const step of steps.slice(0, -2)) stack = await copied(source, { ...step, ...EPOCH, base: stack });
    expect(new Set(layers.viewed)).toEqual(new Set([1]));
    layers.viewed.length = 0;
    await copied(source, { ...steps.at(-2)!, ...EPOCH, base: stack });
    expect(layers.viewed.at(-1)).toBe(stack.length);
  });
});
