// Versions of images' names: what moved them, going back, comparing and looking into images, with berth's client.
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageDiff, ImageFile, ImageVersion } from "../../src/wire/index.ts";
import { AGAINST_DOCKER, IMAGE, runCommand, startEngine, type TestEngine } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";
import { writeCertificates } from "../support/tls-files.ts";

const { engine, docker, eventually } = useEngine();

async function berth(...args: string[]): Promise<string> {
  const result = await engine().berth(args);
  expect(result, `berth ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout.replace(/\n$/, "");
}

async function refused(...args: string[]): Promise<string> {
  const result = await engine().berth(args);
  expect(result.code, `berth ${args.join(" ")}`).not.toBe(0);
  return result.stderr.trim();
}

/** Makes a container that runs the script, and an image of what it left. */
async function build(name: string, script: string, ...options: string[]): Promise<string> {
  const container = `made-${crypto.randomUUID().slice(0, 8)}`;
  await berth("run", "--name", container, IMAGE, "sh", "-c", script);
  const id = await berth("commit", ...options, container, name);
  await berth("rm", container);
  return id;
}

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

const versions = async (name: string): Promise<ImageVersion[]> =>
  (await berth("image", "log", "--json", name)).split("\n").map((line) => JSON.parse(line));

describe.skipIf(AGAINST_DOCKER)("image log and rollback", () => {
  test("each move is told with who and how; rollback goes back, and forth again", async () => {
    const one = await build("moving:1", "echo 1 >/file");
    await docker("tag", IMAGE, "moving:1");
    const two = await berth("inspect", "-f", "{{.Id}}", IMAGE);
    expect(await versions("moving:1")).toMatchObject([
      { Number: 2, Image: two, Before: one, Current: true, User: "root", How: { Kind: "tag", From: IMAGE } },
      { Number: 1, Image: one, Before: "", Current: false, User: "root", How: { Kind: "commit" } },
    ]);
    const [tagged, committed] = await versions("moving:1");
    expect(tagged!.Client).toMatch(/docker/i);
    expect(committed!.Client).toMatch(/^berth\//);
    expect(committed!.How.ContainerName).toMatch(/^made-/);
    const table = await berth("image", "log", "moving:1");
    expect(table).toMatch(
      /^VERSION +IMAGE ID +WHEN +HOW +BY +CHANGES\n2\* .* tag of busybox:test +root \(.*\n1 /,
    );

    expect(await berth("image", "rollback", "moving:1")).toBe(
      `moving:1 is as in version 1 again: ${one.slice(0, 19)} (version 3)`,
    );
    expect(await berth("run", "--rm", "moving:1", "cat", "/file")).toBe("1");
    expect(await berth("image", "rollback", "-q", "moving:1", "2")).toBe(two);
    expect(await docker("inspect", "-f", "{{.Id}}", "moving:1")).toBe(two);
    expect(await berth("image", "log", "--format", "{{.Version}} {{.How}}", "moving:1")).toBe(
      "4* rollback to 2\n3 rollback to 1\n2 tag of busybox:test\n1 commit of ".concat(
        committed!.How.ContainerName!,
      ),
    );
  });

  test("import, load and removal are moves; the name can be had back while its image is here", async () => {
    await build("gone:1", "echo x >/x");
    const archive = join(engine().root, "gone.tar");
    await berth("save", "-o", archive, "gone:1");
    await berth("tag", "gone:1", "kept:1");
    await berth("rmi", "gone:1");
    expect((await versions("gone:1"))[0]).toMatchObject({ State: "none", Image: "", How: { Kind: "untag" } });
    await berth("image", "rollback", "gone:1");
    expect((await versions("gone:1"))[0]).toMatchObject({ Number: 3, State: "present" });
    await berth("rmi", "gone:1", "kept:1");
    expect(await refused("image", "rollback", "gone:1")).toMatch(
      /^Error response from daemon: the image of version 3 of gone:1 is gone \(sha256:[0-9a-f]{12}\): it was not pulled/,
    );
    await berth("load", "-i", archive);
    expect((await versions("gone:1"))[0]).toMatchObject({ How: { Kind: "load" }, Current: true });
    expect((await versions(IMAGE))[0]).toMatchObject({ How: { Kind: "import" } });
  });

  test("a build is told with who asked for it, by either client, and what it began with", async () => {
    const folder = mkdtempSync(join(tmpdir(), "berth-built-"));
    try {
      writeFileSync(join(folder, "Dockerfile"), `FROM ${IMAGE}\nARG WORD\nRUN echo $WORD >/word\n`);
      await berth("build", "-q", "-t", "built:1", "--build-arg", "WORD=one", folder);
      await docker("build", "-q", "-t", "built:1", "--build-arg", "WORD=two", folder);
      const [second, first] = await versions("built:1");
      for (const version of [first, second]) {
        expect(version).toMatchObject({ User: "root", How: { Kind: "build" } });
        expect(JSON.stringify(version!.How)).toContain(IMAGE);
      }
      expect(first!.Client).toMatch(/^berth\//);
      expect(second!.Client).toMatch(/docker/i);
      expect(await berth("run", "--rm", "built:1", "cat", "/word")).toBe("two");
      await berth("image", "rollback", "built:1");
      expect(await berth("run", "--rm", "built:1", "cat", "/word")).toBe("one");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("what is not there is said", async () => {
    expect(await refused("image", "log", "no-such:1")).toBe(
      "Error response from daemon: No such image: no-such:1",
    );
    expect(await refused("image", "rollback", IMAGE)).toBe(
      `Error response from daemon: ${IMAGE} has no earlier version to go back to`,
    );
    expect(await refused("image", "rollback", IMAGE, "7")).toContain(`${IMAGE} has no version 7; kept are 1`);
    expect(await refused("image", "rollback", IMAGE, "x")).toContain('invalid version "x"');
  });

  test("dangling images are what they are with Docker; a pruned one is gone", async () => {
    await build("pruned:1", "echo 1 >/one");
    await berth("tag", IMAGE, "pruned:1");
    const before = (await docker("images", "-q", "-f", "dangling=true")).split("\n").filter(Boolean).length;
    expect(before).toBeGreaterThan(0);
    await docker("image", "prune", "-f");
    expect(await docker("images", "-q", "-f", "dangling=true")).toBe("");
    expect((await versions("pruned:1")).map(({ State }) => State)).toEqual(["present", "gone"]);
    expect(await berth("image", "log", "pruned:1")).toContain("(gone)");
  });

  test("past versions count in system df, and go with image prune --versions", async () => {
    await build("heavy:1", "head -c 300000 /dev/urandom >/heavy");
    await berth("tag", IMAGE, "heavy:1");
    expect(await berth("system", "df", "-v")).toMatch(
      /Past image versions usage: 300kB in 1 image, counted above/,
    );
    const pruned = await berth("image", "prune", "--versions", "-f");
    expect(pruned).toMatch(/^Deleted Versions:\n/);
    expect(pruned).toContain("heavy:1@1");
    expect(pruned).toContain("Total reclaimed space: 300kB");
    expect(await berth("system", "df", "-v")).not.toContain("Past image versions");
    expect(await versions("heavy:1")).toHaveLength(1);
    expect(await refused("image", "prune", "--versions", "--all", "-f")).toContain(
      "either --all or --versions",
    );
  });

  test("versions survive a restart, and are limited by daemon.json, which SIGHUP reads again", async () => {
    const config = join(mkdtempSync(join(tmpdir(), "berth-versions-")), "daemon.json");
    try {
      await Bun.write(config, JSON.stringify({ "image-versions": 3 }));
      await using limited = await startEngine({ args: ["--config-file", config] });
      const run = async (...args: string[]) => (await limited.berth(args)).stdout.trim();
      const numbers = async () =>
        (await run("image", "log", "--format", "{{.Version}}", "x")).split("\n").join(" ");
      for (let n = 1; n <= 4; n++) {
        await run("run", "--name", `c${n}`, IMAGE, "sh", "-c", `echo ${n} >/n`);
        await run("commit", `c${n}`, "x");
        await run("rm", `c${n}`);
      }
      const images = async () => (await run("images", "-aq")).split("\n").length;
      for (let tries = 0; tries < 200 && (await images()) !== 4; tries++) await Bun.sleep(20);
      expect(await numbers()).toBe("4* 3 2");
      expect(await images()).toBe(4);
      await limited.stop();
      await limited.start();
      expect(await numbers()).toBe("4* 3 2");
      await Bun.write(config, JSON.stringify({ "image-versions": { count: 1 } }));
      process.kill(limited.pid, "SIGHUP");
      for (let tries = 0; tries < 200 && (await images()) !== 2; tries++) await Bun.sleep(20);
      expect(await numbers()).toBe("4*");
      expect(await images()).toBe(2);
    } finally {
      rmSync(join(config, ".."), { recursive: true });
    }
  });
});

describe.skipIf(AGAINST_DOCKER)("by whom", () => {
  test("the user of the socket, also while others are connected", async () => {
    await berth("tag", IMAGE, "by:alone");
    chmodSync(engine().root, 0o711);
    chmodSync(engine().socket, 0o666);
    const other = createConnection(engine().socket);
    await new Promise((resolve) => other.once("connect", resolve));
    other.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => other.once("data", resolve));
    try {
      const url = `http://localhost/images/${IMAGE}/tag?repo=by&tag=nobody`;
      const curl = ["curl", "-sf", "-A", "a\tclient", "-X", "POST", "--unix-socket", engine().socket, url];
      const result = await runCommand([
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        ...curl,
      ]);
      expect(result).toMatchObject({ code: 0 });
      await berth("tag", IMAGE, "by:root");
    } finally {
      other.destroy();
      chmodSync(engine().root, 0o700);
      chmodSync(engine().socket, 0o660);
    }
    const by = async (tag: string) => {
      const { User, Client } = (await versions(`by:${tag}`))[0]!;
      return [User, Client.split("/")[0]];
    };
    expect(await by("alone")).toEqual(["root", "berth"]);
    expect(await by("nobody")).toEqual(["nobody", "a client"]);
    expect(await by("root")).toEqual(["root", "berth"]);
  });

  test("over TCP the address, under TLS as well, also while others are connected", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-tls-"));
    const path = writeCertificates(join(directory, "certificates"));
    const [plainPort, port] = [freePort(), freePort()];
    const tls = ["--tlsverify", "--tlscacert", path("ca.pem")];
    const server = ["--tlscert", path("server-cert.pem"), "--tlskey", path("server-key.pem")];
    const client = ["--tlscert", path("client-cert.pem"), "--tlskey", path("client-key.pem")];
    try {
      await using plain = await startEngine({ args: ["-H", `tcp://127.0.0.1:${plainPort}`] });
      await using secured = await startEngine({
        args: ["-H", `tcp://127.0.0.1:${port}`, ...tls, ...server],
      });
      const user = async (engine: TestEngine, ...args: string[]) => {
        const env = { DOCKER_HOST: "" };
        expect(await engine.berth([...args, "tag", IMAGE, "by:tcp"], { env })).toMatchObject({ code: 0 });
        return (await engine.berth(["image", "log", "--format", "{{.User}}", "by:tcp"])).stdout;
      };
      expect(await user(plain, "-H", `tcp://127.0.0.1:${plainPort}`)).toBe("127.0.0.1\n");
      expect(await user(secured, ...tls, ...client, "-H", `tcp://127.0.0.1:${port}`)).toBe("127.0.0.1\n");
      // From another address of this host, while a client at the first one listens.
      const curl = ["curl", "-sfN", "--cacert", path("ca.pem"), "--cert", path("client-cert.pem")];
      const ask = [...curl, "--key", path("client-key.pem"), "--interface"];
      const url = `https://127.0.0.1:${port}`;
      const listener = Bun.spawn([...ask, "127.0.0.1", `${url}/events`], {
        stdout: "ignore",
        stderr: "ignore",
      });
      try {
        const listeners = async () =>
          ((await (await secured.api("GET", "/info")).json()) as { NEventsListener: number }).NEventsListener;
        await eventually(listeners, 1);
        const tag = [...ask, "127.0.0.2", "-X", "POST", `${url}/images/${IMAGE}/tag?repo=by&tag=other`];
        expect(await runCommand(tag)).toMatchObject({ code: 0 });
      } finally {
        listener.kill();
        await listener.exited;
      }
      const other = await secured.berth(["image", "log", "--format", "{{.User}}", "by:other"]);
      expect(other.stdout).toBe("127.0.0.2\n");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe.skipIf(AGAINST_DOCKER)("image diff, tree and explore", () => {
  test("diff tells configuration, layers and files, between images and versions", async () => {
    await build("diffed:1", "echo one >/file; echo old >/old");
    await build("diffed:1", "echo two2 >/file; mkdir /new; chmod 700 /tmp", "-c", "ENV A=1", "-c", "USER 7");
    const text = await berth("image", "diff", "diffed:1~", "diffed:1");
    expect(text).toContain("\n  + Env.A: 1\n  + User: 7\n");
    expect(text).toContain("1 layer in common");
    expect(text).toMatch(/\n {2}C \/file {2}\(4B -> 5B(, time)?\)\n/);
    expect(text).toContain("\n  A /new/\n");
    expect(text).toContain("\n  D /old  (4B)\n");
    expect(text).toContain("\n  C /tmp/  (mode)");
    const json = JSON.parse(
      await berth("image", "diff", "--format", "json", "diffed:1@2", "diffed:1@1"),
    ) as ImageDiff;
    expect(json.Totals).toMatchObject({ Added: 1, Removed: 1, SizeDelta: 3 });
    expect(await berth("image", "diff", "diffed:1", "diffed:1")).toContain("Files\n  the same");
    expect(await refused("image", "diff", "diffed:1@9", "diffed:1")).toContain("diffed:1 has no version 9");
  });

  test("names of files move nobody's cursor", async () => {
    await build("hostile:1", "touch \"/$(printf 'a\\033[2Jb\\nC etc')\"");
    for (const args of [
      ["diff", IMAGE, "hostile:1"],
      ["explore", "hostile:1", "2"],
    ]) {
      const text = await berth("image", ...args);
      expect(text).toContain("/a\\x1b[2Jb\\x0aC etc");
      expect(text).not.toContain("\x1b");
    }
    const files = (await berth("image", "explore", "--format", "json", "hostile:1", "2")).split("\n");
    expect(files.map((line) => (JSON.parse(line) as ImageFile).Path)).toContain("/a\x1b[2Jb\nC etc");
  });

  test("explore lists a layer's files and deletions, or all", async () => {
    await build("explored:1", "rm /bin/ls; ln -s sh /bin/linked; chmod 4755 /bin/busybox; mknod /null c 1 3");
    const layer = await berth("image", "explore", "explored:1", "2");
    expect(layer).toMatch(/^deleted +\/bin\/ls$/m);
    expect(layer).toMatch(/^lrwxrwxrwx 0:0 .* \/bin\/linked -> sh$/m);
    expect(layer).toMatch(/^-rwsr-xr-x 0:0 .*B \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \/bin\/busybox$/m);
    expect(layer).toMatch(/^crw-r--r-- 0:0 +1,3 .* \/null$/m);
    const whole = await berth("image", "explore", "explored:1");
    expect(whole).not.toContain(" /bin/ls\n");
    expect(whole).toContain("/etc/passwd");
    expect(await refused("image", "explore", "explored:1", "9")).toContain(
      "explored:1 has no layer 9: it has 2",
    );
  });

  test("tree shows an image's layers and who shares them, or how all images grow", async () => {
    await build("treed:1", "echo 12345 >/own");
    const table = await berth("image", "tree", "treed:1");
    expect(table).toMatch(
      /^LAYER +DIGEST +SIZE +CREATED BY +ALSO IN\n1 .*busybox:test.*\n2 .* 6B .*echo 12345 >\/own/,
    );
    const forest = await berth("image", "tree");
    expect(forest).toMatch(/^[0-9a-f]{12} .*<- .*busybox:test/m);
    expect(forest).toMatch(/^(├─|└─) [0-9a-f]{12} +6B .*<- treed:1$/m);
  });

  test("the API has them below /berth, with and without a version, and refuses what makes no sense", async () => {
    for (const prefix of ["", "/v1.43"]) {
      const listed = await engine().api("GET", `${prefix}/berth/images/${IMAGE}/versions`);
      expect(listed.status).toBe(200);
      const layers = await engine().api("GET", `${prefix}/berth/images/${IMAGE}/layers`);
      expect(await layers.json()).toMatchObject({ Layers: [{ Number: 1 }] });
    }
    const status = async (method: string, path: string) =>
      (await engine().api(method, `/berth/images/${path}`)).status;
    expect(await status("GET", "diff?from=busybox:test")).toBe(400);
    expect(await status("GET", "diff?from=busybox:test&to=none")).toBe(404);
    expect(await status("POST", `${IMAGE}/rollback?version=-1`)).toBe(400);
    expect(await status("POST", `${IMAGE}/rollback`)).toBe(404);
    expect(await status("GET", `${IMAGE}/layers/7/files`)).toBe(404);
    expect(await status("POST", "versions/prune?filters=%7B%22label%22%3A%5B%22a%22%5D%7D")).toBe(400);
  });
});
