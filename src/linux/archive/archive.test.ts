import { afterAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeName, encodeHeader, padding, TAR_END, type TarHeaderInput } from "../../lib/index.ts";
import { openRoot } from "../files/root-dir.ts";
import { copyTree, type ExtractOptions, extractTar, packTree, walkTree } from "./index.ts";
import { listOwnXattrs } from "./self.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

const base = await mkdtemp(join(tmpdir(), "berth-archive-"));
afterAll(() => rm(base, { recursive: true, force: true }), 60_000);

let count = 0;
let directory = "";
beforeEach(() => {
  directory = join(base, String(count++));
  mkdirSync(directory);
});

function run(command: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["/bin/bash", "-euc", command], { cwd: directory });
  if (exitCode !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout.toString();
}

/** Everything that can be told of a tree, as text. */
function describeTree(path: string): string {
  const facts = run(
    `cd '${path}' && find . -printf '%p %y %m %U:%G %l %n %T@\\n' | sort; find . -type f -printf '%p %s\\n' | sort
     find . -type f -exec sha256sum {} + | sort; find . \\( -type c -o -type b \\) -exec stat -c '%n %t %T' {} + | sort`,
  );
  using root = openRoot(join(directory, path));
  using top = root.directory("/");
  const xattrs: string[] = [];
  for (const { type, entry } of walkTree(top)) {
    for (const attribute of type === "entry" ? entry.directory.listXattrs(entry.name) : []) {
      const value = Buffer.from(entry.directory.getXattr(entry.name, attribute)!).toString("hex");
      xattrs.push(`${entry.path} ${attribute} ${value}`);
    }
  }
  return `${facts}${xattrs.sort().join("\n")}`;
}

function makeDeep(path: string, depth: number): void {
  using root = openRoot(path);
  let handle = root.directory("/");
  for (let i = 0; i < depth; i++) {
    handle.mkdir("d");
    handle.mknod("f", "file", 0o644);
    const next = handle.openDirectory("d");
    handle.close();
    handle = next;
  }
  handle.close();
}

function xattr(path: string, attribute: string): string {
  using root = openRoot(directory);
  return Buffer.from(root.getXattr(path, attribute) ?? []).toString();
}

function makeTree(path: string): void {
  run(`mkdir -p ${path}/a/b/empty ${path}/sticky && cd ${path}
    printf hello >a/file && printf '' >a/nothing && head -c 3000000 /dev/urandom >a/b/large
    ln a/file a/b/hard && ln a/file zz-hard && ln -s ../../etc/passwd a/link && ln -s /nowhere dangling && ln a/link a/hard-link-of-link
    mkfifo pipe && mknod null c 1 3 && mknod disk b 8 17
    chmod 1777 sticky && chmod 4755 a/file && chmod 2750 a/b && chmod 0000 a/nothing
    chown 1234:5678 a/b/large a/b && chown -h 99:98 a/link && chown 7:7 null
    printf x > "a/$(printf 'n\\377\\376')" && printf y > "a/grün 日本" && printf z > "a/-dash" && printf n > $'a/new\\nline'
    truncate -s 50M holes && printf tail >>holes
    touch -h -d '1999-12-31 23:59:59.123456789' a/link && touch -d '1965-01-01 00:00:00.5' a/file && touch -d '2030-06-01 12:00:00.000000001' a/b sticky`);
  using root = openRoot(join(directory, path));
  root.setXattr("a/b/large", "user.note", Buffer.from("\0\x01binary\n="));
  root.setXattr(
    "a/b/large",
    "security.capability",
    Buffer.from("0100000200040000000000000000000000000000", "hex"),
  );
  root.setXattr("sticky", "user.dir", Buffer.from("d"));
  root.setXattr("dangling", "trusted.mark", Buffer.from("m"));
  run(`cd ${path} && touch -h -d '2001-01-01 01:01:01.5' a dangling . `);
}

async function packed(path: string, options: Parameters<typeof packTree>[2] = { name: "" }): Promise<Buffer> {
  using root = openRoot(join(directory, path));
  return Buffer.concat(await Array.fromAsync(packTree(root, "/", options)));
}

async function* chunksOf(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function extract(bytes: Uint8Array, into: string, options?: ExtractOptions, path = ""): Promise<void> {
  mkdirSync(join(directory, into), { recursive: true });
  using root = openRoot(join(directory, into));
  await extractTar(chunksOf(bytes), root, path, options);
}

describe("a tree survives", () => {
  test("packTree() and extractTar()", async () => {
    makeTree("from");
    await extract(await packed("from", { name: "./" }), "to");
    expect(describeTree("to")).toBe(describeTree("from"));
  });

  test("packTree() and GNU tar", async () => {
    makeTree("from");
    await Bun.write(join(directory, "t.tar"), await packed("from", { name: "./" }));
    run("mkdir to && tar --xattrs --xattrs-include='*' -xpf t.tar -C to");
    expect(describeTree("to")).toBe(describeTree("from"));
  });

  test("GNU tar and extractTar(), with holes", async () => {
    makeTree("from");
    run("tar --format=posix --xattrs --xattrs-include='*' -S -cf t.tar -C from .");
    await extract(readFileSync(join(directory, "t.tar")), "to");
    expect(describeTree("to")).toBe(describeTree("from"));
    expect(statSync(join(directory, "to/holes")).blocks).toBeLessThan(1000);
  });

  test("copyTree(), with holes", async () => {
    makeTree("from");
    mkdirSync(join(directory, "to"));
    using from = openRoot(join(directory, "from"));
    using to = openRoot(directory);
    await copyTree(from, "/", to, "to");
    expect(describeTree("to")).toBe(describeTree("from"));
    expect(statSync(join(directory, "to/holes")).blocks).toBeLessThan(1000);
  });

  test("packing twice gives the same bytes", async () => {
    makeTree("from");
    expect((await packed("from")).equals(await packed("from"))).toBe(true);
  });

  test("with reused chunks, copied as they come, it gives the same bytes", async () => {
    makeTree("from");
    using root = openRoot(join(directory, "from"));
    const chunks: Buffer[] = [];
    const memories = new Set<unknown>();
    for await (const chunk of packTree(root, "/", { name: "", reuseChunks: true })) {
      memories.add(chunk.buffer);
      chunks.push(Buffer.from(chunk));
      chunk.fill(0);
    }
    expect(Buffer.concat(chunks).equals(await packed("from"))).toBe(true);
    expect(chunks.length).toBeGreaterThan(10);
    expect(memories.size).toBeLessThan(4);
  });

  test("a deep tree, without more than a few open directories", async () => {
    mkdirSync(join(directory, "from"));
    makeDeep(join(directory, "from"), 1500);
    const warmUp = await packed("from");
    expect(warmUp.length).toBeGreaterThan(1500 * 512);
    const before = readdirSync("/proc/self/fd").length;
    await extract(await packed("from", { name: "./" }), "to");
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    expect(describeTree("to")).toBe(describeTree("from"));
  });
});

describe("packTree()", () => {
  test("names the top as it is told, and packs a single file or link as itself", async () => {
    run("mkdir -p from/dir && printf x >from/dir/file && ln -s dir from/link");
    using root = openRoot(join(directory, "from"));
    const names = async (path: string, name: string) => {
      await Bun.write(
        join(directory, "t.tar"),
        Buffer.concat(await Array.fromAsync(packTree(root, path, { name }))),
      );
      return run("tar -tvf t.tar | awk '{print $6 $7 $8}'").trim().split("\n");
    };
    expect(await names("dir", "renamed")).toEqual(["renamed/", "renamed/file"]);
    expect(await names("dir/file", "x/y")).toEqual(["x/y"]);
    expect(await names("link", "l")).toEqual(["l->dir"]);
    expect(await names("link/", "l")).toEqual(["l/", "l/file"]);
    expect(await names("/link/.", "")).toEqual(["file"]);
    await expect(Array.fromAsync(packTree(root, "none", { name: "x" }))).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  test("fills a file that shrinks meanwhile with zeros", async () => {
    run("mkdir from && truncate -s 2000000 from/shrinks && printf x >from/zz");
    using root = openRoot(join(directory, "from"));
    const parts: Uint8Array[] = [];
    for await (const part of packTree(root, "/", { name: "" })) {
      if (parts.length === 0) run("truncate -s 10 from/shrinks");
      parts.push(part);
    }
    await Bun.write(join(directory, "t.tar"), Buffer.concat(parts));
    expect(run("tar -tvf t.tar | awk '{print $3 $6}'")).toBe("2000000shrinks\n1zz\n");
  });

  test("leaves out what it is told to, and sockets", async () => {
    run("mkdir -p from/skip/deep from/keep/skip");
    const server = Bun.listen({ unix: join(directory, "from/keep/sock"), socket: { data() {} } });
    expect(lstatSync(join(directory, "from/keep/sock")).isSocket()).toBe(true);
    const bytes = await packed("from", { name: "", exclude: (path) => path === "skip" });
    server.stop();
    await Bun.write(join(directory, "t.tar"), bytes);
    expect(run("tar -tf t.tar")).toBe("keep/\nkeep/skip/\n");
  });

  test("writes OCI's marks for overlayfs's", async () => {
    run(
      "mkdir -p from/opaque && mknod from/gone c 0 0 && printf x >from/opaque/new && printf x >from/.wh.fake",
    );
    using root = openRoot(directory);
    root.setXattr("from/opaque", "trusted.overlay.opaque", Buffer.from("y"));
    root.setXattr("from/opaque", "trusted.overlay.origin", Buffer.from("x"));
    const bytes = await packed("from", { name: "", whiteouts: true });
    await Bun.write(join(directory, "t.tar"), bytes);
    expect(run("tar -tf t.tar")).toBe(".wh.gone\nopaque/\nopaque/.wh..wh..opq\nopaque/new\n");
    expect(bytes.includes("trusted.overlay")).toBe(false);
    await extract(bytes, "to", { whiteouts: "overlay" });
    expect(list()).toEqual(["./gone", "./opaque", "./opaque/new"]);
    expect(run("stat -c '%F %t:%T' to/gone")).toBe("character special file 0:0\n");
    expect(xattr("to/opaque", "trusted.overlay.opaque")).toBe("y");
  });
});

interface Member {
  header: TarHeaderInput;
  data?: string;
}
const member = (
  name: string,
  kind: TarHeaderInput["kind"],
  more: Partial<TarHeaderInput> = {},
  data?: string,
): Member => ({
  header: { name, kind, mode: kind === "directory" ? 0o755 : 0o644, size: data?.length ?? 0, ...more },
  ...(data === undefined ? {} : { data }),
});
const file = (name: string, data: string, more: Partial<TarHeaderInput> = {}) =>
  member(name, "file", more, data);
const dir = (name: string, more: Partial<TarHeaderInput> = {}) => member(name, "directory", more);
const symlink = (name: string, linkName: string) => member(name, "symlink", { linkName });
const hard = (name: string, linkName: string) => member(name, "hardlink", { linkName });

function tar(...members: Member[]): Buffer {
  const parts = members.flatMap(({ header, data }) =>
    data === undefined
      ? [encodeHeader(header)]
      : [encodeHeader(header), Buffer.from(data), padding(data.length)],
  );
  return Buffer.concat([...parts, TAR_END]);
}

const list = (path = "to") =>
  run(`cd ${path} && find . -mindepth 1 | sort`).trim().split("\n").filter(Boolean);
const read = (path: string) => readFileSync(join(directory, path), "utf8");

describe("extractTar()", () => {
  test("the last of two equal names wins, whatever the first was", async () => {
    await extract(
      tar(
        file("a", "1"),
        file("./a", "2"),
        file("/a", "3"),
        dir("d"),
        file("d/x", "x"),
        file("d", "file"),
        file("f", "file"),
        dir("f/"),
        file("f/y", "y"),
        symlink("l", "d2"),
        dir("l"),
        file("l/z", "z"),
        symlink("s", "a"),
        file("s", "own"),
      ),
      "to",
    );
    expect(list()).toEqual(["./a", "./d", "./f", "./f/y", "./l", "./l/z", "./s"]);
    expect([read("to/a"), read("to/d"), read("to/s")]).toEqual(["3", "file", "own"]);
    expect(lstatSync(join(directory, "to/s")).isFile()).toBe(true);
  });

  test("makes directories that the archive implies, and keeps those that are there", async () => {
    mkdirSync(join(directory, "to/there"), { recursive: true });
    chmodSync(join(directory, "to/there"), 0o711);
    await extract(tar(file("there/x", "x"), file("new/deep/y", "y")), "to");
    expect(statSync(join(directory, "to/there")).mode & 0o7777).toBe(0o711);
    expect(statSync(join(directory, "to/new/deep")).mode & 0o7777).toBe(0o755);
  });

  test("times of directories are set last, also where files come late", async () => {
    const mtimeNs = 1_000_000_000_123_456_789n;
    await extract(
      tar(dir("d", { mtimeNs }), dir("d/e", { mtimeNs }), file("d/e/f", "x"), file("d/g", "x")),
      "to",
    );
    for (const path of ["to/d", "to/d/e"]) {
      expect(statSync(join(directory, path), { bigint: true }).mtimeNs).toBe(mtimeNs);
    }
  });

  test("set-user-id survives the change of owner", async () => {
    await extract(tar(file("su", "x", { mode: 0o6755, uid: 1000, gid: 1001 })), "to");
    expect(statSync(join(directory, "to/su"))).toMatchObject({ mode: 0o106755, uid: 1000, gid: 1001 });
  });

  test("owners as the caller wants them", async () => {
    await extract(tar(file("x", "x", { uid: 5, gid: 6 }), dir("d", { uid: 5 })), "to", {
      owner: () => ({ uid: 8, gid: 9 }),
    });
    expect(statSync(join(directory, "to/x"))).toMatchObject({ uid: 8, gid: 9 });
    expect(statSync(join(directory, "to/d"))).toMatchObject({ uid: 8, gid: 9 });
  });

  test("links in the way are followed within the root", async () => {
    run("mkdir -p to/real to/usr/lib && ln -s /real to/abs && ln -s ../../../usr/lib to/lib");
    await extract(tar(file("abs/x", "x"), file("lib/y", "y"), hard("hl", "abs/x")), "to");
    expect([read("to/real/x"), read("to/usr/lib/y"), read("to/hl")]).toEqual(["x", "y", "x"]);
  });

  test("unpacks into a directory of the root", async () => {
    run("mkdir -p to/target && ln -s target to/link");
    await extract(tar(file("x", "x"), symlink("s", "/outside"), hard("h", "x")), "to", {}, "/link");
    expect(list()).toEqual(["./link", "./target", "./target/h", "./target/s", "./target/x"]);
    await expect(extract(tar(file("x", "x")), "to", {}, "/none")).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("noOverwriteDirNonDir refuses to mix directories with others", async () => {
    run("mkdir -p to/dir && printf x >to/file");
    const options = { noOverwriteDirNonDir: true };
    await expect(extract(tar(file("dir", "x")), "to", options)).rejects.toThrow(
      'cannot overwrite directory "/dir" with non-directory "/"',
    );
    await expect(extract(tar(dir("file")), "to", options)).rejects.toThrow(
      'cannot overwrite non-directory "/file" with directory "/"',
    );
    await extract(tar(file("file", "new"), dir("dir", { mode: 0o700 })), "to", options);
    expect(read("to/file")).toBe("new");
    expect(statSync(join(directory, "to/dir")).mode & 0o777).toBe(0o700);
  });

  test("devices can be left out", async () => {
    await extract(tar(member("null", "char", { major: 1, minor: 3 }), file("x", "x")), "to", {
      devices: "skip",
    });
    expect(list()).toEqual(["./x"]);
  });

  test("a file that is archived twice, as GNU tar does it", async () => {
    await extract(tar(file("a", "1"), hard("a", "./a")), "to");
    expect(read("to/a")).toBe("1");
  });

  describe("whiteouts", () => {
    test("apply: removes what they name, but nothing that the same archive brought", async () => {
      run("mkdir -p to/dir/sub to/op/sub && touch to/gone to/dir/x to/op/old to/stays");
      await extract(
        tar(
          file(".wh.gone", ""),
          file(".wh.dir", ""),
          file("stays", "new"),
          file(".wh.stays", ""),
          file("op/new", "n"),
          file("op/.wh..wh..opq", ""),
          file(".wh..wh.plnk", ""),
          file(".wh..wh.aufs", ""),
          file(".wh.never", ""),
        ),
        "to",
        { whiteouts: "apply" },
      );
      expect(list()).toEqual(["./op", "./op/new", "./stays"]);
    });

    test("overlay: a name removed and brought again in one layer hides the lower one", async () => {
      await extract(
        tar(
          file(".wh.a", ""),
          dir("a"),
          file("a/x", "x"),
          dir("b"),
          file("b/x", "x"),
          file(".wh.b", ""),
          file(".wh.c", ""),
          file("c/deep/x", "x"),
          file(".wh.f", ""),
          file("f", "new"),
          file("g", "new"),
          file(".wh.g", ""),
        ),
        "to",
        { whiteouts: "overlay" },
      );
      expect(["to/a", "to/b", "to/c"].map((path) => xattr(path, "trusted.overlay.opaque"))).toEqual([
        "y",
        "y",
        "y",
      ]);
      expect([read("to/f"), read("to/g")]).toEqual(["new", "new"]);
    });

    test("names that a whiteout cannot mean are refused", async () => {
      for (const name of [".wh.", ".wh..", ".wh...", "d/.wh..."]) {
        await expect(extract(tar(file(name, "")), "to", { whiteouts: "overlay" })).rejects.toThrow(
          "invalid whiteout",
        );
      }
    });

    test("keep: they are files like any other", async () => {
      await extract(tar(file(".wh.a", "x")), "to");
      expect(list()).toEqual(["./.wh.a"]);
    });
  });

  describe("hostile archives change nothing outside", () => {
    const long = "a/".repeat(100_000);
    const cases: [name: string, members: Member[], refusal?: RegExp | { code: string }][] = [
      ["a name that climbs", [file("../canary/new", "x")], /outside of the archive's root/],
      ["a name that climbs later", [file("a/../../canary/new", "x")], /outside of the archive's root/],
      ["an absolute name", [file("/canary/new", "x")]],
      [
        "a link out, then a file through it",
        [symlink("l", "../canary"), file("l/new", "x")],
        { code: "ENOTDIR" },
      ],
      [
        "an absolute link out, then a file through it",
        [symlink("l", "CANARY"), file("l/new", "x")],
        { code: "ENOTDIR" },
      ],
      ["a link to a file outside, then a file over it", [symlink("l", "../canary/file"), file("l", "x")]],
      [
        "a link to a file outside, then a directory over it",
        [symlink("l", "../canary"), dir("l", { mode: 0 }), file("l/new", "x")],
      ],
      ["a hard link out", [hard("h", "../canary/file")], /outside of the archive's root/],
      ["a hard link out by an absolute name", [hard("h", "CANARY/file")], /which is not there|ENOENT/],
      ["a hard link through a link", [symlink("l", "../canary"), hard("h", "l/file")], /ENOENT|not there/],
      [
        "a hard link to a link, then a file through it",
        [symlink("l", "../canary/file"), hard("h", "l"), file("h", "x")],
      ],
      [
        "a directory swapped for a link between two entries",
        [dir("d"), file("d/a", "x"), symlink("d", "../canary"), file("d/file", "x")],
        { code: "ENOTDIR" },
      ],
      [
        "a link swapped for a directory between two entries",
        [symlink("d", "../canary"), dir("d"), file("d/file", "x")],
      ],
      [
        "a link far below, swapped",
        [dir("p/q"), file("p/q/a", "x"), symlink("p", "../canary"), file("p/q/b", "x")],
        { code: "ENOTDIR" },
      ],
      [
        "modes and times through a link",
        [symlink("l", "../canary"), dir("l/", { mode: 0o777, mtimeNs: 5n })],
      ],
      ["whiteouts through a link", [symlink("l", "../canary"), file("l/.wh.file", "")], { code: "ENOTDIR" }],
      ["a link of nothing", [symlink("l", "")], /no target/],
      ["a name 100,000 deep", [file(`${long}x`, "x")], { code: "ENAMETOOLONG" }],
      ["a link's target that long", [symlink("l", long)], { code: "ENAMETOOLONG" }],
      ["a component of 256 bytes", [file("n".repeat(256), "x")], { code: "ENAMETOOLONG" }],
      ["a file in the way of a directory", [file("f", "x"), file("f/x", "x")], { code: "ENOTDIR" }],
      ["a loop of links", [symlink("a", "b"), symlink("b", "a"), file("a/x", "x")], { code: "ELOOP" }],
      [
        "more entries than allowed",
        Array.from({ length: 101 }, (_, i) => file(`f${i}`, "")),
        /more than 100 entries/,
      ],
      ["more bytes than allowed", [file("f", "x".repeat(1001))], /larger than 1000 bytes/],
      [
        "a sparse file larger than allowed",
        [
          {
            header: { name: "f", kind: "file", size: 2 ** 50, segments: [{ offset: 0, length: 1 }] },
            data: "x",
          },
        ],
        /larger than 1000 bytes/,
      ],
    ];
    for (const [name, members, refusal] of cases) {
      for (const whiteouts of ["overlay", "keep"] as const) {
        if (name.startsWith("whiteouts") && whiteouts === "keep") continue;
        test(`${name} (${whiteouts})`, async () => {
          run(
            "mkdir -p canary && printf precious >canary/file && touch -d 2000-01-01 canary canary/file && mkdir to",
          );
          const before = describeTree("canary");
          const canary = join(directory, "canary");
          const archive = tar(
            ...members.map(({ header, ...rest }) => ({
              ...rest,
              header: { ...header, linkName: header.linkName?.replace("CANARY", canary) ?? "" },
            })),
          );
          const work = extract(archive, "to", { whiteouts, maxEntries: 100, maxBytes: 1000 });
          if (refusal === undefined) await work;
          else if (refusal instanceof RegExp) await expect(work).rejects.toThrow(refusal);
          else await expect(work).rejects.toMatchObject(refusal);
          expect(describeTree("canary")).toBe(before);
          expect(readdirSync(directory).sort()).toEqual(["canary", "to"]);
        });
      }
    }

    test("attributes that would redirect an overlay are not set", async () => {
      const xattrs = new Map([
        ["trusted.overlay.redirect", Buffer.from("/etc")],
        ["trusted.overlay.metacopy", Buffer.from("")],
        ["user.kept", Buffer.from("v")],
      ]);
      await extract(tar(dir("d", { xattrs }), file("f", "x", { xattrs }), dir("./", { xattrs })), "to");
      expect(
        describeTree("to")
          .split("\n")
          .filter((line) => / (user|trusted)\./.test(line)),
      ).toEqual(["d user.kept 76", "f user.kept 76"]);
      using root = openRoot(join(directory, "to"));
      using top = root.directory("/");
      expect(listOwnXattrs(top.fd)).toEqual(["user.kept"]);
    });

    test("a name swapped for a link to the host while archives are unpacked is never followed", async () => {
      run("mkdir -p canary to/d && printf precious >canary/file && touch -d 2000-01-01 canary/file canary");
      const before = describeTree("canary");
      const swapper = Bun.spawn(
        [
          process.execPath,
          "-e",
          `const { renameSync, symlinkSync } = require("node:fs");
          process.chdir("to"); symlinkSync(${JSON.stringify(join(directory, "canary"))}, "l"); symlinkSync("../canary", "m");
          for (;;) for (const link of ["l", "m"]) try {
            renameSync("d", "d2"); renameSync(link, "d"); renameSync("d", link); renameSync("d2", "d");
          } catch {}`,
        ],
        { cwd: directory },
      );
      try {
        const archive = tar(
          ...Array.from({ length: 20 }, (_, i) =>
            file(`d/file${i % 2 || ""}`, "x", { mode: 0o777, mtimeNs: 9n }),
          ),
          dir("d", { mode: 0o777, mtimeNs: 9n }),
        );
        for (let round = 0; round < 150; round++) await extract(archive, "to").catch(() => {});
      } finally {
        swapper.kill();
        await swapper.exited;
      }
      expect(describeTree("canary")).toBe(before);
    });
  });

  test("a hard link before its target", async () => {
    await extract(
      tar(hard("b", "d/a"), hard("c", "b"), dir("d"), file("d/a", "x"), hard("e", "never"), file("e", "y")),
      "to",
    );
    expect([read("to/b"), read("to/c"), read("to/e")]).toEqual(["x", "x", "y"]);
    expect(statSync(join(directory, "to/c")).nlink).toBe(3);
  });

  test("a truncated archive is an error that says so", async () => {
    const whole = tar(file("a", "x".repeat(5000)));
    await expect(extract(whole.subarray(0, 2000), "to")).rejects.toThrow("unexpected EOF");
  });

  test("names that are not UTF-8 keep their bytes", async () => {
    const name = decodeName(Uint8Array.from([0x61, 0xff, 0xc3]));
    await extract(tar(file(name, "x"), symlink("l", name)), "to");
    expect(
      readdirSync(Buffer.from(join(directory, "to")), { encoding: "buffer" }).map((b) => b.toString("hex")),
    ).toContain("61ffc3");
    expect(run("readlink to/l | tr -d '\\n' | od -An -tx1")).toBe(" 61 ff c3\n");
  });
});

test("copyTree() follows no link out of either tree", async () => {
  run(
    "mkdir -p canary from to && printf precious >canary/file && ln -s ../canary from/l && ln -s ../canary to/x && mkdir from/x && printf n >from/x/file",
  );
  symlinkSync("/", join(directory, "from/root"));
  writeFileSync(join(directory, "to/keep"), "k");
  const before = describeTree("canary");
  using from = openRoot(join(directory, "from"));
  using to = openRoot(join(directory, "to"));
  await copyTree(from, "", to, "");
  expect(describeTree("canary")).toBe(before);
  expect(list()).toEqual(["./keep", "./l", "./root", "./x", "./x/file"]);
});
