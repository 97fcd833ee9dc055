import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readTar } from "../../src/lib/index.ts";
import { useEngine } from "../support/suite.ts";

/** Debian's client has BuildKit's side of a build in it; the newer one leaves that to a plugin. */
const CLIENT = "/usr/bin/docker";

const { engine } = useEngine();
let top: string;
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), "berth-build-copy-"));
});
afterAll(() => rmSync(top, { recursive: true }));

const OLD = new Date("2021-01-01T00:00:00Z");

/** A directory of files; `name/` is a folder, `name -> target` a link. */
function context(files: Record<string, string>): string {
  const path = mkdtempSync(join(top, "context-"));
  for (const [name, content] of Object.entries(files)) {
    const [, from, target] = /^(.*) -> (.*)$/.exec(name) ?? [];
    const place = join(path, from ?? name);
    mkdirSync(name.endsWith("/") ? place : dirname(place), { recursive: true });
    if (from !== undefined) symlinkSync(target!, place);
    else if (!name.endsWith("/")) {
      writeFileSync(place, content);
      utimesSync(place, OLD, OLD);
    }
  }
  return path;
}

interface Built {
  readonly code: number;
  readonly stderr: string;
  /** What the last stage holds, a line for each file. */
  readonly files: readonly string[];
}

async function build(directory: string, dockerfile: string): Promise<Built> {
  writeFileSync(join(directory, "Dockerfile"), dockerfile);
  writeFileSync(join(directory, "Dockerfile.dockerignore"), "Dockerfile*\n*.ignored\n**/*.ignored\n");
  const child = Bun.spawn([CLIENT, "build", "--progress=plain", "-o", "type=tar,dest=-", directory], {
    env: { DOCKER_HOST: engine().host, DOCKER_BUILDKIT: "1", HOME: top, PATH: process.env["PATH"] ?? "" },
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.bytes(), child.stderr.text(), child.exited]);
  return { code, stderr, files: code === 0 ? await listed(stdout) : [] };
}

async function listed(tar: Uint8Array): Promise<string[]> {
  const lines: string[] = [];
  const stream = async function* () {
    yield tar;
  };
  for await (const { entry } of readTar(stream())) {
    const { name, kind, mode, uid, gid, linkName, size } = entry;
    const clean = name.replace(/^\.?\/+/, "").replace(/\/$/, "");
    if (clean === "") continue;
    const rest = kind === "file" ? ` ${size}` : linkName === "" ? "" : ` -> ${linkName}`;
    lines.push(`${kind} ${clean} ${(mode & 0o7777).toString(8)} ${uid}:${gid}${rest}`);
  }
  return lines.sort();
}

async function copied(directory: string, ...instructions: string[]): Promise<readonly string[]> {
  const { code, stderr, files } = await build(directory, ["FROM scratch", ...instructions, ""].join("\n"));
  expect(code, stderr).toBe(0);
  return files;
}

async function refused(directory: string, ...instructions: string[]): Promise<string> {
  const { code, stderr } = await build(directory, ["FROM scratch", ...instructions, ""].join("\n"));
  expect(code, stderr).not.toBe(0);
  return stderr;
}

describe("COPY", () => {
  test("a file to a name, into a folder, into one that is there", async () => {
    const files = context({ a: "12", "d/b": "3" });
    expect(await copied(files, "COPY a /x/y", "COPY a /z/", "COPY d /w", "COPY a /w", "COPY a /w/.")).toEqual(
      [
        "directory w 755 0:0",
        "directory x 755 0:0",
        "directory z 755 0:0",
        "file w/a 644 0:0 2",
        "file w/b 644 0:0 1",
        "file x/y 644 0:0 2",
        "file z/a 644 0:0 2",
      ],
    );
  });

  test("a folder's contents and modes; the top gets none of them", async () => {
    const files = context({ "d/s/b": "3", "d/e/": "" });
    chmodSync(join(files, "d"), 0o700);
    chmodSync(join(files, "d/s"), 0o750);
    chmodSync(join(files, "d/s/b"), 0o4755);
    expect(await copied(files, "COPY d /x", "COPY d/s /x/e")).toEqual([
      "directory x 755 0:0",
      "directory x/e 755 0:0",
      "directory x/s 750 0:0",
      "file x/e/b 4755 0:0 1",
      "file x/s/b 4755 0:0 1",
    ]);
  });

  test("links: as such inside of folders, followed where they are named, never out of the context", async () => {
    const files = context({
      "d/a": "1",
      "d/l -> a": "",
      "l -> d": "",
      "f -> d/a": "",
      "out -> /etc/hostname": "",
    });
    expect(await copied(files, "COPY d /d", "COPY l /l", "COPY f /f/")).toEqual([
      "directory d 755 0:0",
      "directory f 755 0:0",
      "directory l 755 0:0",
      "file d/a 644 0:0 1",
      "file f/f 644 0:0 1",
      "file l/a 644 0:0 1",
      "symlink d/l 777 0:0 -> a",
      "symlink l/l 777 0:0 -> a",
    ]);
    expect(await refused(files, "COPY out /out")).toContain("not found");
  });

  test("links among what is there already", async () => {
    const files = context({ "base/real/": "", "base/l -> real": "", "base/abs -> /real": "", a: "1" });
    expect(await copied(files, "COPY base /", "COPY a /l/one", "COPY a /abs/", "COPY a /abs/../up")).toEqual([
      "directory real 755 0:0",
      "file real/a 644 0:0 1",
      "file real/one 644 0:0 1",
      "file up 644 0:0 1",
      "symlink abs 777 0:0 -> /real",
      "symlink l 777 0:0 -> real",
    ]);
  });

  test("wildcards and the ignore file", async () => {
    const files = context({
      "a.c": "",
      "b.c": "",
      "s/c.c": "",
      "s/d.h": "",
      "x.ignored": "",
      "s/y.ignored": "",
    });
    expect(await copied(files, "COPY *.c /x/", "COPY s/?.[ch] /y/", "COPY s* /z")).toEqual([
      "directory x 755 0:0",
      "directory y 755 0:0",
      "directory z 755 0:0",
      "file x/a.c 644 0:0 0",
      "file x/b.c 644 0:0 0",
      "file y/c.c 644 0:0 0",
      "file y/d.h 644 0:0 0",
      "file z/c.c 644 0:0 0",
      "file z/d.h 644 0:0 0",
    ]);
    expect(await refused(files, "COPY x.ignored /")).toMatch(/"\/x\.ignored":? not found/);
  });

  test("owners and stages", async () => {
    const passwd = "web:x:5:6::/:/bin/sh\n";
    const files = context({ "etc/passwd": passwd, "etc/group": "staff:x:50:\n", a: "1", "d/b": "2" });
    const stages = [
      "COPY etc /etc",
      "COPY --chown=web a /a",
      "COPY --chown=web:staff a /b",
      "COPY --chown=7 d /new/e",
      "COPY --chown=7:8 a /c",
      "FROM scratch",
      "COPY --from=0 / /",
    ];
    expect(await copied(files, ...stages)).toEqual([
      "directory etc 755 0:0",
      "directory new 755 7:7",
      "directory new/e 755 7:7",
      "file a 644 5:6 1",
      "file b 644 5:50 1",
      "file c 644 7:8 1",
      "file etc/group 644 0:0 12",
      `file etc/passwd 644 0:0 ${passwd.length}`,
      "file new/e/b 644 7:7 1",
    ]);
  });

  test("one file with two names", async () => {
    const files = context({ "d/a": "1" });
    linkSync(join(files, "d/a"), join(files, "d/b"));
    expect(await copied(files, "COPY d /d")).toEqual([
      "directory d 755 0:0",
      "file d/a 644 0:0 1",
      "hardlink d/b 644 0:0 -> d/a",
    ]);
  });

  test("what can not be", async () => {
    const files = context({ a: "1", "d/a/": "", "e/x": "" });
    expect(await refused(files, "COPY none /")).toMatch(/"\/none":? not found/);
    expect(await refused(files, "COPY none/* /")).toContain("no such file or directory");
    expect(await refused(files, "COPY d /x/", "COPY a /x/")).toContain("cannot replace to directory");
    expect(await refused(files, "COPY a /x", "COPY d /x")).toContain("cannot copy to non-directory");
    expect(await refused(files, "COPY a /x", "COPY a /x/")).toContain("not a directory");
  });
});

describe("ADD", () => {
  test("unpacks an archive, and copies what is none", async () => {
    const files = context({ text: "no archive", "in/dir/f": "1" });
    for (const [flag, name] of [
      ["-cf", "plain.tar"],
      ["-czf", "a.gz"],
      ["-cJf", "a.xz"],
      ["-cjf", "a.bz2"],
    ] as const) {
      const result = Bun.spawnSync([
        "tar",
        "-C",
        join(files, "in"),
        "--owner=3",
        "--group=4",
        flag,
        join(files, name),
        "dir",
      ]);
      expect(result.exitCode).toBe(0);
    }
    const names = ["plain.tar", "a.gz", "a.xz", "a.bz2"];
    const instructions = names.map((name, index) => `ADD ${name} /x${index}/`);
    const unpacked = names.flatMap((_, index) => [
      `directory x${index} 755 0:0`,
      `directory x${index}/dir 755 3:4`,
      `file x${index}/dir/f 644 3:4 1`,
    ]);
    expect(await copied(files, ...instructions, "ADD text /t/")).toEqual(
      [...unpacked, "directory t 755 0:0", "file t/text 644 0:0 10"].sort(),
    );
  });
});

test("WORKDIR makes folders for USER", async () => {
  const files = context({ "etc/passwd": "web:x:5:6::/:/bin/sh\n" });
  expect(await copied(files, "COPY etc /etc", "USER web", "WORKDIR /a/b", "WORKDIR c")).toEqual([
    "directory a 755 5:6",
    "directory a/b 755 5:6",
    "directory a/b/c 755 5:6",
    "directory etc 755 0:0",
    "file etc/passwd 644 0:0 21",
  ]);
});
