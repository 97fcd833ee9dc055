// The real docker client in BuildKit's mode, which Debian's docker 20.10 speaks by itself: a session over HTTP/2, by which the
// engine asks the client for files, secrets, agents and credentials, and a build that answers with BuildKit's messages.
import { describe, expect, test } from "bun:test";
import {
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { type CommandOptions, IMAGE, runCommand } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

/** Newer clients leave BuildKit to a plug-in. */
const DEBIAN_DOCKER = "/usr/bin/docker";
const isThere = await Bun.file(DEBIAN_DOCKER).exists();

const suite = useEngine();
const folderOf = buildFolders();

async function build(args: readonly string[], options: CommandOptions = {}) {
  const engine = suite.engine();
  const env = {
    DOCKER_HOST: engine.host,
    DOCKER_CONFIG: join(engine.root, "config"),
    DOCKER_BUILDKIT: "1",
    BUILDKIT_PROGRESS: "plain",
  };
  return runCommand([DEBIAN_DOCKER, "build", ...args], { ...options, env: { ...env, ...options.env } });
}

async function built(args: readonly string[], options?: CommandOptions): Promise<string> {
  const result = await build(args, options);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result.stderr;
}

const run = (image: string, ...command: string[]) => suite.docker("run", "--rm", image, ...command);

describe.if(isThere)("docker build with BuildKit", () => {
  test("builds, and tells each step", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nARG WHO=nobody\nRUN echo "hello $WHO" > /said && cat /said\nCOPY data /data\nLABEL a=b\n`,
      "data/one": "1",
      "data/deep/two": "2",
    });
    const shown = await built(["-t", "kit:one", "--build-arg", "WHO=world", "--label", "c=d", folder]);
    expect(shown).toContain("[internal] load build definition from Dockerfile");
    expect(shown).toContain(`[2/3] RUN echo "hello world" > /said && cat /said`);
    expect(shown).toMatch(/#\d+ \d+\.\d+ hello world\n/);
    expect(shown).toMatch(/#\d+ naming to docker.io\/library\/kit:one/);
    expect(await run("kit:one", "sh", "-c", "cat /said /data/one /data/deep/two")).toBe("hello world\n12");
    expect(await suite.docker("image", "inspect", "-f", "{{json .Config.Labels}}", "kit:one")).toBe(
      '{"a":"b","c":"d"}',
    );
    const again = await built(["-t", "kit:one", "--build-arg", "WHO=world", "--label", "c=d", folder]);
    expect(again.match(/CACHED/g)?.length).toBe(2);
  });

  test("the next build is sent only what has changed", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nCOPY . /all\n`,
      big: "x".repeat(2_000_000),
      small: "1",
      gone: "g",
    });
    await built(["-t", "kit:sync", folder]);
    unlinkSync(join(folder, "gone"));
    writeFileSync(join(folder, "small"), "22");
    symlinkSync("small", join(folder, "link"));
    linkSync(join(folder, "small"), join(folder, "same"));
    await built(["-t", "kit:sync", folder]);
    expect(await run("kit:sync", "sh", "-c", "cd /all; ls; cat small link same; wc -c < big")).toBe(
      "Dockerfile\nbig\nlink\nsame\nsmall\n2222222000000",
    );
  });

  test(".dockerignore counts, also one of the Dockerfile's own", async () => {
    const files = { ".dockerignore": "*\n!keep\nkeep/no\n", "keep/yes": "", "keep/no": "", "drop/x": "" };
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nCOPY . /all\n`,
      ...files,
      "own.dockerignore": "keep\n*file*\n",
    });
    await built(["-t", "kit:ignore", folder]);
    expect(await run("kit:ignore", "find", "/all", "-type", "f")).toBe("/all/keep/yes");
    writeFileSync(join(folder, "own"), `FROM ${IMAGE}\nCOPY . /all\n`);
    await built(["-t", "kit:own", "-f", join(folder, "own"), folder]);
    expect(await run("kit:own", "ls", "-A", "/all")).toBe(".dockerignore\ndrop\nown\nown.dockerignore");
  });

  test("names of all kinds", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nCOPY ["ü/한 글", "a, b", "/all/"]\nCOPY . /rest\n`,
      ".dockerignore": "dröp\n",
      "ü/한 글": "1",
      "a, b": "2",
      dröp: "3",
    });
    await built(["-t", "kit:names", folder]);
    expect(await run("kit:names", "sh", "-c", "cd /all; echo *; cd /rest; echo *")).toBe(
      "a, b 한 글\nDockerfile a, b ü",
    );
  });

  test("a link in the context that points outside leads nowhere", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nCOPY out/hostname /x\n` });
    symlinkSync("/etc", join(folder, "out"));
    const refused = await build([folder]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("not found");
  });

  test("secrets are there while a step runs, and nowhere later", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=secret,id=one test "$(wc -c < /run/secrets/one)" = 11 && ls -A /run > /run.txt\n`,
      secret: "hush-hush-1",
    });
    // The Dockerfile's own is not to be found by the name of the secret's file.
    writeFileSync(join(folder, ".dockerignore"), "secret\n");
    const secret = ["--secret", `id=one,src=${join(folder, "secret")}`];
    await built(["-t", "kit:secret", ...secret, folder]);
    const history = await suite.docker("history", "--no-trunc", "kit:secret");
    expect(history).not.toContain("hush-hush");
    expect(suite.engine().log()).not.toContain("hush-hush");
    const missing = await build(["--no-cache", folder]);
    expect(missing.code).toBe(1);
  });

  test("an ssh agent is forwarded", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=ssh test -S "$SSH_AUTH_SOCK"\n` });
    const path = join(folder, "agent");
    const agent = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => agent.listen(path, resolve));
    try {
      await built(["--ssh", `default=${path}`, folder]);
    } finally {
      agent.close();
    }
    const none = await build([
      "--no-cache",
      folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=ssh,required true\n` }),
    ]);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("ssh");
  });

  test("the result goes to a folder or a tar", async () => {
    const folder = folderOf({ Dockerfile: "FROM scratch\nCOPY a b /\nCOPY a /deep/a\n", a: "A", b: "B" });
    const out = join(folder, "out");
    await built(["-o", out, folder]);
    expect(readdirSync(out, { recursive: true }).map(String).sort()).toEqual(["a", "b", "deep", "deep/a"]);
    expect(readFileSync(join(out, "deep/a"), "utf8")).toBe("A");
    const tar = join(folder, "out.tar");
    await built(["-o", `type=tar,dest=${tar}`, folder]);
    expect(lstatSync(tar).size).toBeGreaterThan(1024);
    expect((await runCommand(["tar", "-tf", tar])).stdout).toContain("deep/a");
  });

  test("a Dockerfile or a tar on standard input", async () => {
    const stdin = `FROM ${IMAGE}\nRUN echo stdin > /x\n`;
    const id = (await build(["-q", "-"], { stdin })).stdout.trim();
    expect(await run(id, "cat", "/x")).toBe("stdin");
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nCOPY a /a\n`, a: "from a tar" });
    const tar = Bun.spawn(["tar", "-c", "-C", folder, "."]);
    const result = await build(["-q", "-t", "kit:tar", "-"], { stdin: tar.stdout });
    expect(result).toMatchObject({ code: 0 });
    expect(await run("kit:tar", "cat", "/a")).toBe("from a tar");
    const second = await build(["-q", "-t", "kit:f", "-f", "-", folder], {
      stdin: `FROM ${IMAGE}\nCOPY a /b\n`,
    });
    expect(second).toMatchObject({ code: 0 });
    expect(await run("kit:f", "cat", "/b")).toBe("from a tar");
  });

  test("what fails is told with its line, and leaves nothing", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN echo before\nRUN echo oh no && exit 7\n` });
    const failed = await build([folder]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("oh no");
    expect(failed.stderr).toContain("Dockerfile:3");
    expect(failed.stderr).toContain("did not complete successfully: exit code: 7");
    const unknown = await build([folderOf({ Dockerfile: `FROM ${IMAGE}\nRUNN x\n` })]);
    expect(unknown.stderr).toContain("unknown instruction: RUNN");
    const missing = await build([folderOf({ Dockerfile: `FROM ${IMAGE}\nCOPY nothing /\n` })]);
    expect(missing.stderr).toContain('"/nothing": not found');
  });

  test("two builds of one folder at once do not disturb each other", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nARG N\nCOPY data /data\nRUN echo $N > /n\n`,
      data: "d",
    });
    await Promise.all([1, 2, 3].map((n) => built(["-t", `kit:n${n}`, "--build-arg", `N=${n}`, folder])));
    expect(await Promise.all([1, 2, 3].map((n) => run(`kit:n${n}`, "cat", "/data", "/n")))).toEqual([
      "d1",
      "d2",
      "d3",
    ]);
  });

  test("a client that goes away ends its build", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN echo begun && sleep 98765\n` });
    const engine = suite.engine();
    const client = Bun.spawn([DEBIAN_DOCKER, "build", "--progress", "plain", folder], {
      env: {
        ...process.env,
        DOCKER_HOST: engine.host,
        DOCKER_CONFIG: join(engine.root, "config"),
        DOCKER_BUILDKIT: "1",
      },
      stderr: "pipe",
    });
    let shown = "";
    for await (const bytes of client.stderr) {
      shown += Buffer.from(bytes).toString();
      if (/#\d+ \d+\.\d+ begun/.test(shown)) break;
    }
    client.kill("SIGKILL");
    await client.exited;
    const steps = async () => (await runCommand(["pgrep", "-fx", "sleep 98765"])).stdout.trim();
    await suite.eventually(steps, "");
  });
});
