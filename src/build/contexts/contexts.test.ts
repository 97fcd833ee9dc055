import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeHeader, padding, TAR_END } from "../../lib/index.ts";
import type { FileSync } from "../builder-contract.ts";
import type { ClientServices } from "../ports.ts";
import { openContexts } from "./contexts.ts";
import type { Contexts, ContextWish } from "./contract.ts";
import { openOfferedDirectory, parseOfferedDirectories } from "./local.ts";

// git takes its time on a busy machine.
setDefaultTimeout(60_000);

const NEVER = new AbortController().signal;
const SERVICES: ClientServices = {
  secret: () => Promise.reject(new Error("none")),
  sshAgent: () => Promise.reject(new Error("none")),
  credentials: async () => undefined,
};

let folder = "";
let contexts: Contexts;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "berth-contexts-"));
  mkdirSync(join(folder, "build"));
  contexts = await openContexts(join(folder, "kept"));
});
afterEach(async () => {
  await contexts[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const wish = (more: Partial<ContextWish> = {}): ContextWish => ({
  name: "context",
  include: [],
  exclude: [],
  follow: [],
  directory: join(folder, "build"),
  services: SERVICES,
  ...more,
});

describe("a session's copy", () => {
  const syncOf = (work: (into: string) => void): FileSync => ({
    sync: async (_name, into) => work(into),
    sharedKey: (name) => `client/${name}`,
  });
  const open = (work: (into: string) => void, more?: Partial<ContextWish>) =>
    contexts.open({ kind: "session", sync: syncOf(work) }, wish(more), NEVER);

  test("is found again by the next build, and after a restart", async () => {
    await using first = await open((into) => writeFileSync(join(into, "a"), "1"));
    await first[Symbol.asyncDispose]();
    contexts = await openContexts(join(folder, "kept"));
    await using second = await open((into) => expect(readFileSync(join(into, "a"), "utf8")).toBe("1"));
    expect(second.path).toBe(first.path);
  });

  test("is each build's own while both run", async () => {
    await using first = await open(() => {});
    await using second = await open(() => {});
    expect(second.path).not.toBe(first.path);
  });

  test("of the ignore file alone is another than that of the files", async () => {
    await using first = await open(() => {}, { include: [".dockerignore"] });
    await first[Symbol.asyncDispose]();
    await using second = await open(() => {});
    expect(second.path).not.toBe(first.path);
  });

  test("goes on being there when its transfer fails, and can be removed when it is in nobody's hands", async () => {
    await expect(
      open((into) => {
        writeFileSync(join(into, "half"), "x".repeat(10_000));
        throw new Error("gone");
      }),
    ).rejects.toThrow("gone");
    const [kept] = await contexts.kept();
    expect(kept).toMatchObject({
      type: "source.local",
      inUse: false,
      description: "local source for context",
    });
    await using held = await open(() => {});
    expect(await contexts.remove(kept!.id)).toBe(0);
    await held[Symbol.asyncDispose]();
    expect(await contexts.remove(kept!.id)).toBeGreaterThan(0);
    expect(await contexts.kept()).toEqual([]);
    expect(readdirSync(join(folder, "kept/mirrors"))).toEqual([]);
  });
});

describe("a tar", () => {
  type Entry = Parameters<typeof encodeHeader>[0];
  const tarOf = (...entries: (Entry & { content?: string })[]) =>
    Buffer.concat([
      ...entries.flatMap(({ content = "", ...entry }) => [
        encodeHeader({ ...entry, ...(entry.kind === "file" ? { size: content.length } : {}) }),
        Buffer.from(content),
        padding(content.length),
      ]),
      TAR_END,
    ]);
  const file = (name: string, content: string) => ({
    name,
    kind: "file" as const,
    mode: 0o600,
    uid: 7,
    gid: 8,
    content,
  });
  const pieces = async function* (bytes: Uint8Array, size = 100) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  const open = (bytes: Uint8Array) => contexts.open({ kind: "tar", bytes: pieces(bytes) }, wish(), NEVER);

  for (const [name, compress] of [
    ["plain", (bytes: Uint8Array) => bytes],
    ["gzip", (bytes: Uint8Array) => Bun.gzipSync(Buffer.from(bytes))],
    ["zstd", (bytes: Uint8Array) => Bun.zstdCompressSync(bytes)],
    ["xz", (bytes: Uint8Array) => new Uint8Array(Bun.spawnSync(["xz", "-c"], { stdin: bytes }).stdout)],
    ["bzip2", (bytes: Uint8Array) => new Uint8Array(Bun.spawnSync(["bzip2", "-c"], { stdin: bytes }).stdout)],
  ] as const) {
    test(`is unpacked, ${name}, as root's`, async () => {
      await using context = await open(compress(tarOf(file("Dockerfile", "FROM x"), file("a/b", "B"))));
      expect(context.dockerfile).toBeUndefined();
      expect(readFileSync(join(context.path, "a/b"), "utf8")).toBe("B");
      expect(lstatSync(join(context.path, "a/b"))).toMatchObject({ uid: 0, gid: 0, mode: 0o100600 });
    });
  }

  test("that is only a Dockerfile is one", async () => {
    await using context = await open(Buffer.from(`FROM x\n${"# long\n".repeat(200)}`));
    expect(context.dockerfile).toBe("Dockerfile");
    expect(readFileSync(join(context.path, "Dockerfile"), "utf8")).toStartWith("FROM x\n# long");
    await using zipped = await open(Bun.gzipSync(Buffer.from("FROM y")));
    expect(readFileSync(join(zipped.path, "Dockerfile"), "utf8")).toBe("FROM y");
    await using nothing = await open(new Uint8Array(0));
    expect(readdirSync(nothing.path)).toEqual([]);
  });

  test("that leads out of the build's directory does not get there", async () => {
    await expect(open(tarOf(file("../evil", "x")))).rejects.toThrow();
    const link = { name: "out", kind: "symlink" as const, mode: 0o777, linkName: folder };
    await open(tarOf(link, file("out/evil", "x"))).catch(() => {});
    expect(existsSync(join(folder, "evil"))).toBe(false);
    expect(existsSync(join(folder, "build/evil"))).toBe(false);
  });
});

describe("an open directory of a client", () => {
  test("is opened by what the kernel says, and only where it is the one that was meant", async () => {
    mkdirSync(join(folder, "source"));
    writeFileSync(join(folder, "source/f"), "F");
    const socketPath = join(folder, "s");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    const connected = new Promise<import("node:net").Socket>((resolve) => server.once("connection", resolve));
    const code = `
      const fs = require("node:fs");
      const fd = fs.openSync(${JSON.stringify(join(folder, "source"))}, fs.constants.O_DIRECTORY);
      const { dev, ino } = fs.fstatSync(fd, { bigint: true });
      const socket = require("node:net").connect(${JSON.stringify(socketPath)}, () => socket.write(fd + ":" + dev + ":" + ino));`;
    const client = Bun.spawn([process.execPath, "-e", code]);
    try {
      const socket = await connected;
      const told = String(await new Promise((resolve) => socket.once("data", resolve)));
      const [offered] = parseOfferedDirectories(`context=${told}`);
      using directory = openOfferedDirectory(offered!);
      expect(readFileSync(`${directory.path}/f`, "utf8")).toBe("F");
      const [descriptor, device] = told.split(":");
      const lies = [`context=${descriptor}:${device}:1`, `context=0:${told.split(":").slice(1).join(":")}`];
      for (const lie of lies) {
        const [other] = parseOfferedDirectories(lie);
        expect(() => openOfferedDirectory(other!)).toThrow("not open on the engine's machine");
      }
    } finally {
      client.kill();
      await client.exited;
      server.close();
    }
  });

  test("of our own is nobody's offer", () => {
    const fd = openSync(folder, "r");
    try {
      const { dev, ino } = fstatSync(fd, { bigint: true });
      const [offered] = parseOfferedDirectories(`context=${fd}:${dev}:${ino}`);
      expect(() => openOfferedDirectory(offered!)).toThrow("not open on the engine's machine");
    } finally {
      closeSync(fd);
    }
  });

  test("is named in one way only", () => {
    expect(parseOfferedDirectories("context=3:1:2,a%20b=4:5:6")).toEqual([
      { name: "context", descriptor: 3, device: 1n, inode: 2n },
      { name: "a b", descriptor: 4, device: 5n, inode: 6n },
    ]);
    for (const bad of [
      "",
      "context",
      "context=3",
      "context=-1:1:1",
      "context=../x:1:1",
      "%zz=1:1:1",
      "a=1:1:1;b",
    ]) {
      expect(() => parseOfferedDirectories(bad)).toThrow("malformed X-Berth-Context-Fd");
    }
  });
});

describe("http", () => {
  const requests: Request[] = [];
  let answer: (request: Request) => Response = () => new Response("x");
  let server: ReturnType<typeof Bun.serve>;
  let url = "";
  beforeEach(() => {
    requests.length = 0;
    server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        requests.push(request);
        return answer(request);
      },
    });
    url = `http://127.0.0.1:${server.port}`;
  });
  afterEach(() => server.stop(true));
  const fetchIt = (more: object = {}) =>
    contexts.fetchHttp({ url: `${url}/dir/f.txt`, fileName: "", checksum: "", ...more }, NEVER);

  test("a file comes once, and again only when it has changed", async () => {
    const modified = "Wed, 21 Oct 2015 07:28:00 GMT";
    let [content, tag] = ["eins", '"1"'];
    answer = (request) =>
      request.headers.get("if-none-match") === tag
        ? new Response(null, { status: 304 })
        : new Response(content, { headers: { ETag: tag, "Last-Modified": modified } });
    await using first = await fetchIt();
    expect(first).toMatchObject({ fileName: "f.txt", sizeBytes: 4, modified: new Date(modified) });
    expect(lstatSync(join(first.directory, "f.txt"))).toMatchObject({
      mode: 0o100600,
      mtimeMs: Date.parse(modified),
    });
    await using same = await fetchIt();
    expect([same.directory, same.digest]).toEqual([first.directory, first.digest]);
    [content, tag] = ["zwei", '"2"'];
    await using other = await fetchIt();
    expect(readFileSync(join(other.directory, "f.txt"), "utf8")).toBe("zwei");
    expect(readFileSync(join(first.directory, "f.txt"), "utf8")).toBe("eins");
    expect(requests.length).toBe(3);
  });

  test("the checksum is that of the file", async () => {
    answer = () => new Response("abc");
    const sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    await using right = await fetchIt({ checksum: sha256 });
    expect(right.digest).toBe(sha256 as typeof right.digest);
    await expect(fetchIt({ checksum: `sha256:${"0".repeat(64)}` })).rejects.toThrow(
      `digest mismatch: expected sha256:${"0".repeat(64)}, got ${sha256}`,
    );
    await expect(fetchIt({ checksum: "md5:1" })).rejects.toThrow('unsupported checksum algorithm "md5"');
    await expect(fetchIt({ checksum: `sha512:${"0".repeat(128)}` })).rejects.toThrow(
      "got sha512:ddaf35a1936",
    );
  });

  test("names are one name", async () => {
    answer = () =>
      new Response("x", { headers: { "Content-Disposition": 'attachment; filename="../../evil"' } });
    expect((await fetchIt()).fileName).toBe("evil");
    expect((await fetchIt({ fileName: "given" })).fileName).toBe("given");
    answer = () => new Response("x");
    expect((await fetchIt({ url: `${url}/a/..%2f..%2fevil` })).fileName).toBe("evil");
    expect((await fetchIt({ url: `${url}/` })).fileName).toBe("download");
  });

  test("redirects are followed, but not without end nor to other protocols", async () => {
    answer = (request) =>
      request.url.endsWith("/end") ? new Response("there") : Response.redirect(`${url}/end`, 302);
    await using file = await fetchIt();
    expect(readFileSync(join(file.directory, file.fileName), "utf8")).toBe("there");
    answer = () => Response.redirect(`${url}/again`, 302);
    await expect(fetchIt({ url: `${url}/loop` })).rejects.toThrow("stopped after 10 redirects");
    answer = () => new Response(null, { status: 302, headers: { Location: "file:///etc/passwd" } });
    await expect(fetchIt({ url: `${url}/file` })).rejects.toThrow("only http and https are fetched");
  });

  test("what is not there is told, without the password", async () => {
    let authorization: string | null = null;
    answer = (request) => {
      authorization = request.headers.get("authorization");
      return new Response("no", { status: 404 });
    };
    const secret = url.replace("http://", "http://me:secret@");
    const failing = fetchIt({ url: `${secret}/x?token=1` });
    await expect(failing).rejects.toMatchObject({
      kind: "NotFound",
      message: `failed to load ${url}/x: invalid response status 404`,
    });
    expect(authorization as string | null).toBe("Basic bWU6c2VjcmV0");
    expect(await contexts.kept()).toEqual([]);
  });

  test("a server that is not there is told in a sentence", async () => {
    await expect(fetchIt({ url: "http://me:secret@127.0.0.1:1/x" })).rejects.toThrow(
      "failed to fetch http://127.0.0.1:1/x: dial tcp 127.0.0.1:1: connect: connection refused",
    );
  });

  test("a context at an address is a tar or a Dockerfile", async () => {
    answer = () => new Response("FROM scratch\n");
    await using context = await contexts.open({ kind: "remote", url: `${url}/Dockerfile` }, wish(), NEVER);
    expect([context.dockerfile, context.origin]).toEqual(["Dockerfile", `${url}/Dockerfile`]);
    expect(readFileSync(join(context.path, "Dockerfile"), "utf8")).toBe("FROM scratch\n");
    await expect(contexts.open({ kind: "remote", url: "ftp://x/y" }, wish(), NEVER)).rejects.toThrow(
      "is no address of a context",
    );
  });
});

describe("git", () => {
  let daemon: Bun.Subprocess;
  let remote = "";
  const git = (cwd: string, ...args: string[]) => {
    const env = {
      PATH: process.env["PATH"]!,
      HOME: folder,
      GIT_AUTHOR_NAME: "a",
      GIT_AUTHOR_EMAIL: "a@b",
      GIT_COMMITTER_NAME: "a",
      GIT_COMMITTER_EMAIL: "a@b",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_COMMITTER_DATE: "2020-01-02T03:04:05Z",
      GIT_AUTHOR_DATE: "2020-01-02T03:04:05Z",
    };
    const done = Bun.spawnSync(["git", ...args], { cwd, env });
    if (!done.success) throw new Error(done.stderr.toString());
    return done.stdout.toString().trim();
  };
  let commits: string[] = [];

  beforeEach(async () => {
    const work = join(folder, "served/repo.git");
    mkdirSync(join(work, "sub"), { recursive: true });
    git(work, "init", "-q", "-b", "main");
    writeFileSync(join(work, "Dockerfile"), "FROM scratch\n");
    writeFileSync(join(work, "sub/f"), "1");
    symlinkSync("/etc", join(work, "outside"));
    symlinkSync("../..", join(work, "up"));
    git(work, "add", ".");
    git(work, "commit", "-q", "-m", "one");
    git(work, "tag", "-a", "v1", "-m", "v1");
    writeFileSync(join(work, "sub/f"), "2");
    git(work, "commit", "-q", "-a", "-m", "two");
    commits = [git(work, "rev-parse", "v1^{commit}"), git(work, "rev-parse", "main")];
    const port = await freePort();
    daemon = Bun.spawn(
      [
        "git",
        "daemon",
        "--export-all",
        "--reuseaddr",
        "--listen=127.0.0.1",
        `--port=${port}`,
        `--base-path=${folder}/served`,
      ],
      { stdio: ["ignore", "ignore", "ignore"], env: { PATH: process.env["PATH"]!, HOME: folder } },
    );
    await listening(port);
    remote = `git://127.0.0.1:${port}/repo.git`;
  });
  afterEach(async () => {
    daemon.kill();
    await daemon.exited;
  });
  const open = (fragment: string) => contexts.open({ kind: "remote", url: remote + fragment }, wish(), NEVER);

  test("a ref, a tag, a commit and a folder", async () => {
    await using main = await open("");
    expect(main.origin).toBe(`${remote}#${commits[1]}`);
    expect(readdirSync(main.path).sort()).toEqual(["Dockerfile", "outside", "sub", "up"]);
    await using tag = await open("#v1:sub");
    expect(readFileSync(join(tag.path, "f"), "utf8")).toBe("1");
    await using commit = await open(`#${commits[0]}`);
    expect(readFileSync(join(commit.path, "sub/f"), "utf8")).toBe("1");
    await using again = await open("#main");
    expect(again.path).toBe(main.path);
    await using dated = await open("?mtime=commit");
    expect(lstatSync(join(dated.path, "sub/f")).mtime).toEqual(new Date("2020-01-02T03:04:05Z"));
    // Who builds may say it, too, where the address does not.
    const asked = wish({ keepGitDir: true });
    await using wished = await contexts.open({ kind: "remote", url: remote }, asked, NEVER);
    expect(existsSync(join(wished.path, ".git"))).toBe(true);
    await using kept = await open("?keep-git-dir=1");
    expect(git(kept.path, "-c", "safe.directory=*", "rev-parse", "HEAD")).toBe(commits[1]!);
  });

  test("a moved branch is seen", async () => {
    await using before = await open("#main:sub");
    const work = join(folder, "served/repo.git");
    writeFileSync(join(work, "sub/f"), "3");
    git(work, "commit", "-q", "-a", "-m", "three");
    await using after = await open("#main:sub");
    expect([before, after].map(({ path }) => readFileSync(join(path, "f"), "utf8"))).toEqual(["2", "3"]);
  });

  const bad: [fragment: string, message: string][] = [
    ["#nosuch", "does not contain ref nosuch"],
    ["#main:nosuch", 'subdirectory "nosuch" not found'],
    ["#main:outside", 'subdirectory "outside" of the repository is not a directory'],
    ["#main:up/kept", 'subdirectory "up/kept" of the repository is not a directory'],
    ["#main:../..", "invalid git subdirectory"],
    ["#--upload-pack=touch /tmp/evil", "invalid git reference"],
    [`?checksum=${"0".repeat(40)}`, "expected checksum to match"],
  ];
  for (const [fragment, message] of bad) {
    test(`${fragment} is refused`, async () => {
      await expect(open(fragment)).rejects.toThrow(message);
    });
  }

  test("a repository's own files of this machine, hooks and filters are left alone", async () => {
    const work = join(folder, "served/repo.git");
    const mark = join(folder, "ran");
    writeFileSync(
      join(work, ".gitmodules"),
      `[submodule "x"]\n\tpath = x\n\turl = file://${folder}/served/repo.git\n`,
    );
    git(work, "add", ".gitmodules");
    git(work, "update-index", "--add", "--cacheinfo", `160000,${commits[0]},x`);
    git(work, "commit", "-q", "-m", "submodule");
    await expect(open("")).rejects.toThrow("transport 'file' not allowed");
    writeFileSync(
      join(work, ".gitmodules"),
      `[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch ${mark}"\n`,
    );
    git(work, "add", ".gitmodules");
    git(work, "commit", "-q", "-m", "ext");
    await expect(open("")).rejects.toThrow("not allowed");
    expect(existsSync(mark)).toBe(false);
    await using without = await open("?submodules=0");
    expect(existsSync(join(without.path, "Dockerfile"))).toBe(true);
  });

  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as import("node:net").AddressInfo;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return port;
  }

  async function listening(port: number): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      try {
        const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
        socket.end();
        return;
      } catch {
        await Bun.sleep(10);
      }
    }
    throw new Error("git daemon does not listen");
  }
});
