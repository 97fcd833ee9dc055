// `berth build`: its flags, where its files come from, and what it shows.
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { buildFolders } from "../support/build-folder.ts";
import { type CommandOptions, IMAGE, runCommand } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const suite = useEngine();
const folderOf = buildFolders();

const build = (args: readonly string[], options?: CommandOptions) =>
  suite.engine().berth(["build", ...args], options);

async function built(args: readonly string[], options?: CommandOptions) {
  const result = await build(args, options);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result;
}

async function run(image: string, ...command: string[]): Promise<string> {
  const result = await suite.engine().berth(["run", "--rm", image, ...command]);
  expect(result).toMatchObject({ code: 0 });
  return result.stdout.trimEnd();
}

describe("contexts", () => {
  test("a folder of this machine is read where it is: nothing of it is sent or copied", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nCOPY . /all\n`,
      ".dockerignore": "no\n",
      no: "",
      yes: "1",
    });
    await built(["-t", "b:local", folder]);
    expect(await run("b:local", "ls", "/all")).toBe("Dockerfile\nyes");
    expect(
      readdirSync(join(suite.engine().root, "data/build/contexts/mirrors"), { recursive: true }),
    ).toEqual([]);
    writeFileSync(join(folder, "yes"), "2");
    await built(["-t", "b:local", folder]);
    expect(await run("b:local", "cat", "/all/yes")).toBe("2");
  });

  test("an engine elsewhere is sent what it asks for", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nCOPY a /a\n`,
      a: "A",
      "big/file": "x".repeat(1_000_000),
    });
    await using far = await forwarded(suite.engine().socket);
    const first = await runCommand([EXECUTABLE, "-H", far.address, "build", "-t", "b:far", folder]);
    expect(first).toMatchObject({ code: 0 });
    expect(await run("b:far", "cat", "/a")).toBe("A");
    expect(far.sentBytes()).toBeLessThan(200_000);
  });

  test("a Dockerfile from elsewhere, with an ignore file of its own", async () => {
    const other = folderOf({ Elsewhere: `FROM ${IMAGE}\nCOPY . /all\n`, "Elsewhere.dockerignore": "b\n" });
    const folder = folderOf({ a: "", b: "" });
    await built(["-t", "b:else", "-f", join(other, "Elsewhere"), folder]);
    expect(await run("b:else", "ls", "/all")).toBe("a");
  });

  test("standard input is a Dockerfile, alone or with a folder, or a tar", async () => {
    const id = (await built(["-q", "-"], { stdin: `FROM ${IMAGE}\nRUN echo alone > /x\n` })).stdout.trim();
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await run(id, "cat", "/x")).toBe("alone");
    const folder = folderOf({ a: "A", "Dockerfile.x": `FROM ${IMAGE}\nCOPY a /b\n` });
    await built(["-t", "b:stdin", "-f", "-", folder], { stdin: `FROM ${IMAGE}\nCOPY a /a\n` });
    expect(await run("b:stdin", "cat", "/a")).toBe("A");
    const tar = Bun.spawn(["tar", "-cz", "-C", folder, "."]).stdout;
    await built(["-t", "b:tar", "-f", "Dockerfile.x", "-"], { stdin: tar });
    expect(await run("b:tar", "cat", "/b")).toBe("A");
  });

  test("further contexts by name: folders and images", async () => {
    const other = folderOf({ file: "other", ".dockerignore": "drop\n", drop: "" });
    const folder = folderOf({
      Dockerfile: `FROM base\nCOPY --from=things . /things\nRUN --mount=from=things,target=/m cat /m/file > /mounted\n`,
    });
    const contexts = [
      "--build-context",
      `things=${other}`,
      "--build-context",
      `base=docker-image://${IMAGE}`,
    ];
    await built(["-t", "b:named", ...contexts, folder]);
    expect(await run("b:named", "sh", "-c", "ls /things; cat /things/file /mounted")).toBe(
      "file\notherother",
    );
    const missing = await build(["--build-context", "x=/no/such", folder]);
    expect(missing.stderr).toContain(
      "failed to get build context x: stat /no/such: no such file or directory",
    );
  });

  test("an address: a tar, or a Dockerfile alone", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nCOPY a /a\n`, a: "from afar" });
    const tar = Bun.spawnSync(["tar", "-cz", "-C", folder, "."]).stdout;
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) => {
        if (url.endsWith(".tar.gz")) return new Response(tar);
        return url.endsWith("/file")
          ? new Response(`FROM ${IMAGE}\nENV A=b\n`)
          : new Response("", { status: 404 });
      },
    });
    const address = `http://127.0.0.1:${server.port}`;
    await built(["-t", "b:http", `${address}/context.tar.gz`]);
    expect(await run("b:http", "cat", "/a")).toBe("from afar");
    await built(["-t", "b:http", `${address}/file`]);
    expect(await run("b:http", "sh", "-c", "echo $A")).toBe("b");
    const missing = await build([`${address}/nothing`]);
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("invalid response status 404"),
    });
  });

  test("links that lead out of the context lead nowhere", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nCOPY out/hostname /x\n` });
    symlinkSync("/etc", join(folder, "out"));
    const refused = await build([folder]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("not found");
  });
});

describe("what the steps are given", () => {
  test("secrets, of a file and of the environment", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=secret,id=file --mount=type=secret,id=VARIABLE,env=V cat /run/secrets/file | wc -c > /n && printf %s "$V" | wc -c >> /n\n`,
      file: "12345",
    });
    const secrets = ["--secret", `id=file,src=${join(folder, "file")}`, "--secret", "id=VARIABLE"];
    await built(["-t", "b:secret", ...secrets, folder], { env: { VARIABLE: "hush-hush-9" } });
    expect(await run("b:secret", "cat", "/n")).toBe("5\n11");
    expect(suite.engine().log()).not.toContain("hush-hush-9");
    const none = await build(["--secret", "id=nosuch", folder]);
    expect(none.stderr).toContain("failed to stat nosuch: no such file or directory");
    expect(none.code).toBe(1);
  });

  test("an agent", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo yes > /x\n`,
    });
    const path = join(folder, "agent");
    const agent = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => agent.listen(path, resolve));
    try {
      await built(["-t", "b:ssh", "--ssh", "default", folder], { env: { SSH_AUTH_SOCK: path } });
    } finally {
      agent.close();
    }
    expect(await run("b:ssh", "cat", "/x")).toBe("yes");
  });

  test("arguments, hosts, labels, a target", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE} AS one\nARG A\nARG B=b\nRUN echo $A$B > /x; grep -o 'extra' /etc/hosts >> /x\nFROM one AS two\nRUN false\n`,
    });
    const flags = [
      "--build-arg",
      "A=1",
      "--build-arg",
      "B",
      "--add-host",
      "extra:10.1.2.3",
      "--label",
      "l=m",
    ];
    await built(["-t", "b:args", "--target", "one", ...flags, folder], { env: { B: "env" } });
    expect(await run("b:args", "cat", "/x")).toBe("1env\nextra");
    expect(await suite.docker("image", "inspect", "-f", "{{.Config.Labels.l}}", "b:args")).toBe("m");
  });
});

describe("outputs", () => {
  const dockerfile = "FROM scratch\nCOPY a /a\nCOPY a /deep/b\n";

  test("a folder, a tar, archives", async () => {
    const folder = folderOf({ Dockerfile: dockerfile, a: "A" });
    const at = (name: string) => join(folder, name);
    await built(["-o", at("out"), folder]);
    expect(readFileSync(at("out/deep/b"), "utf8")).toBe("A");
    await built(["-o", `type=tar,dest=${at("out.tar")}`, folder]);
    expect((await runCommand(["tar", "-tf", at("out.tar")])).stdout).toContain("deep/b");
    const piped = await runCommand([
      "sh",
      "-c",
      `"$0" -H "$1" build -o - "$2" | tar -t`,
      EXECUTABLE,
      suite.engine().host,
      folder,
    ]);
    expect(piped.stdout).toContain("deep/b");
    await built(["-o", `type=oci,dest=${at("oci.tar")}`, "-t", "b:oci", folder]);
    expect((await runCommand(["tar", "-tf", at("oci.tar")])).stdout).toContain("oci-layout");
    await built(["-o", `type=docker,dest=${at("docker.tar")}`, "-t", "b:docker", folder]);
    expect((await runCommand(["tar", "-tf", at("docker.tar")])).stdout).toContain("manifest.json");
    await built(["-o", "type=cacheonly", "-t", "b:nothing", folder]);
    expect(await suite.docker("images", "-q", "b:nothing")).toBe("");
    for (const [spec, message] of [
      ["type=nosuch", 'exporter "nosuch" could not be found'],
      ["type=local", "dest is required for local exporter"],
      ["type=local,dest=-", "dest cannot be stdout for local exporter"],
      ["dest=x", "type is required for output"],
    ] as const) {
      expect((await build(["-o", spec, folder])).stderr).toContain(message);
    }
  });

  test("the image's id and the build's facts in files", async () => {
    const folder = folderOf({ Dockerfile: dockerfile, a: "A" });
    const [idFile, factsFile] = [join(folder, "id"), join(folder, "facts")];
    const { stdout } = await built(["-q", "--iidfile", idFile, "--metadata-file", factsFile, folder]);
    expect(readFileSync(idFile, "utf8")).toBe(stdout.trim());
    expect(JSON.parse(readFileSync(factsFile, "utf8"))).toMatchObject({
      "containerimage.config.digest": stdout.trim(),
    });
  });

  test("the same input gives the same image, when it is asked for", async () => {
    const text = { Dockerfile: dockerfile, a: "A" };
    const [first, second] = [folderOf(text), folderOf(text)];
    const id = async (folder: string) => (await built(["-q", "--no-cache", "--reproducible", folder])).stdout;
    expect(await id(first)).toBe(await id(second));
  });
});

describe("progress", () => {
  const folder = () => folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN echo said && printf unfinished\n` });

  test("plain: a number a step, its lines, its time; then CACHED", async () => {
    const path = folder();
    const { stdout, stderr } = await built(["--progress", "plain", path]);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^#(\d+) \[2\/2\] RUN echo said && printf unfinished\n#\1 \d+\.\d{3} said\n#\1 \d+\.\d{3} unfinished\n#\1 DONE \d+\.\ds\n$/m,
    );
    expect((await built([path])).stderr).toMatch(/^#\d+ CACHED$/m);
  });

  test("json: the engine's messages, one a line", async () => {
    const { stderr } = await built(["--progress", "rawjson", "--no-cache", folder()]);
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const logs = lines.flatMap(({ logs = [] }) => logs.map(({ data }: { data: string }) => atob(data)));
    expect(logs.join("")).toContain("said\n");
  });

  test("quiet: the id alone", async () => {
    expect(await built(["-q", folder()])).toMatchObject({
      stderr: "",
      stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/),
    });
  });

  test("on a terminal lines are redrawn, and the cursor comes back", async () => {
    const command = `${EXECUTABLE} -H ${suite.engine().host} build --no-cache ${folder()}`;
    const { stdout } = await runCommand(["script", "-qefc", command, "/dev/null"], {
      env: { TERM: "xterm" },
    });
    expect(stdout).toContain("[+] Building");
    expect(stdout).toContain("FINISHED");
    expect(stdout).toContain(" => [2/2] RUN echo said");
    expect(stdout.lastIndexOf("\x1b[?25h")).toBeGreaterThan(stdout.lastIndexOf("\x1b[?25l"));
  });

  test("what fails: its log, the lines around it, the reason, exit code 1", async () => {
    const path = folderOf({
      Dockerfile: `FROM ${IMAGE}\n\nRUN echo before\nRUN echo what went wrong && exit 3\n`,
    });
    const { code, stderr } = await build([path]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "------\n > [3/3] RUN echo what went wrong && exit 3:\nwhat went wrong\n------\n",
    );
    expect(stderr).toContain("Dockerfile:4\n");
    expect(stderr).toContain("   4 | >>> RUN echo what went wrong && exit 3\n");
    expect(stderr).toContain(
      'ERROR: failed to solve: process "/bin/sh -c echo what went wrong && exit 3" did not complete successfully: exit code: 3',
    );
  });

  test("what a step prints does not reach the terminal as commands", async () => {
    const path = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN printf '\\033]0;owned\\007\\033[2Jshown\\n'\n` });
    const { stderr } = await built(["--progress", "plain", path]);
    expect(stderr).toContain("shown\n");
    expect(stderr).not.toContain("\x1b");
  });

  test("checks only: what they find, with its line, and exit code 1", async () => {
    const bad = await build([
      "--check",
      folderOf({ Dockerfile: `FROM ${IMAGE} AS Upper\nRUN nosuchprogram\n` }),
    ]);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain("Check complete, 1 warning has been found!");
    expect(bad.stdout).toContain("StageNameCasing");
    expect(bad.stdout).toContain("Dockerfile:1\n");
    const good = await build(["--call=check", folder()]);
    expect(good).toMatchObject({ code: 0, stdout: "Check complete, no warnings found.\n" });
  });
});

describe("bad input", () => {
  test("is told in one sentence", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\n` });
    const cases: [args: string[], message: string][] = [
      [["/no/such/folder"], 'path "/no/such/folder" not found'],
      [[join(folder, "Dockerfile")], "context must be a directory"],
      [["-f", join(folder, "nosuch"), folder], "failed to read dockerfile: open"],
      [[folderOf({ a: "" })], "failed to read dockerfile: open Dockerfile: no such file or directory"],
      [["--progress", "nosuch", folder], 'invalid progress mode "nosuch"'],
      [["--cache-to", "type=s3", folder], 'cache export of type "s3" is not supported'],
      [["--cache-from", "type=gha", folder], 'cache import of type "gha" is not supported'],
      [["--call", "dance", folder], "one of build, check, outline, targets"],
      [["--secret", "src=x", folder], "missing id"],
      [["--ssh", "default", folder], "make sure SSH_AUTH_SOCK is set"],
      [["--push", "--load", folder], "push and load may not be set together"],
      [["-f", "-", "-"], "can't use stdin for both build context and dockerfile"],
    ];
    for (const [args, message] of cases) {
      const result = await build(args, { env: { SSH_AUTH_SOCK: "" } });
      expect([args, result.stderr]).toEqual([args, expect.stringContaining(message)]);
      expect(result.code).toBe(1);
    }
  });

  test("Ctrl-C ends the step at once", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN echo begun && sleep 87654\n` });
    const client = Bun.spawn(
      [EXECUTABLE, "-H", suite.engine().host, "build", "--progress", "plain", folder],
      {
        stdout: "ignore",
        stderr: "pipe",
      },
    );
    let shown = "";
    for await (const bytes of client.stderr) {
      shown += Buffer.from(bytes).toString();
      if (shown.includes(" begun\n")) client.kill("SIGINT");
    }
    expect(await client.exited).toBe(130);
    await suite.eventually(async () => (await runCommand(["pgrep", "-fx", "sleep 87654"])).stdout, "");
  });
});

/** A socket that leads to the engine by another process, as one that ssh forwards: whose files are not the engine's. */
async function forwarded(socket: string) {
  const folder = folderOf({});
  let sent = 0;
  const path = join(folder, "far");
  mkdirSync(folder, { recursive: true });
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socket, allowHalfOpen: true });
    near.on("data", (bytes) => {
      sent += bytes.length;
    });
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  expect(lstatSync(path).isSocket() && existsSync(path)).toBe(true);
  return {
    address: `unix://${path}`,
    sentBytes: () => sent,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
