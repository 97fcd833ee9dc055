// Builds that end otherwise than they were meant to: nothing stays of them, nothing that was secret is ever found, and the engine goes on.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { encodeHeader, padding, TAR_END, type TarHeaderInput } from "../../src/lib/index.ts";
import { unmount } from "../../src/linux/index.ts";
import { buildFolders } from "../support/build-folder.ts";
import { berthBuild } from "../support/build-steps.ts";
import { buildTraces, expectNoTraces, runningSteps } from "../support/build-traces.ts";
import { IMAGE, runCommand, startEngine, type TestEngine } from "../support/engine.ts";
import { bePatient, eventually, useEngine } from "../support/suite.ts";

const DEBIAN_DOCKER = "/usr/bin/docker";
const hasDebianDocker = await Bun.file(DEBIAN_DOCKER).exists();

const folderOf = buildFolders();

/** How each client is asked to build a folder. */
const clients: readonly {
  name: string;
  command: (engine: TestEngine, folder: string) => string[];
  env: Record<string, string>;
}[] = [
  {
    name: "berth build",
    command: (engine, folder) => [EXECUTABLE, "-H", engine.host, "build", "--progress", "plain", folder],
    env: {},
  },
  ...(hasDebianDocker
    ? ["0", "1"].map((kit) => ({
        name: `docker build, DOCKER_BUILDKIT=${kit}`,
        command: (engine: TestEngine, folder: string) => [DEBIAN_DOCKER, "-H", engine.host, "build", folder],
        env: { DOCKER_BUILDKIT: kit, BUILDKIT_PROGRESS: "plain" },
      }))
    : []),
];

describe("a build in the middle of two steps", () => {
  const { engine } = useEngine({ args: ["--debug"] });
  /** A number that no other process of the machine sleeps for. */
  const seconds = 40_000 + (process.pid % 20_000);
  const sleepers = async () => (await runCommand(["pgrep", "-fx", `sleep ${seconds}`])).stdout.trim();

  function sleepingFolder() {
    const step = (n: number) =>
      `FROM ${IMAGE} AS s${n}\nRUN --mount=type=cache,id=ends${n},target=/c --mount=type=tmpfs,target=/t --mount=type=bind,target=/ctx (sleep ${seconds} &); setsid sleep ${seconds} & sleep ${seconds}\n`;
    return folderOf({
      Dockerfile: `${step(1)}${step(2)}FROM ${IMAGE}\nCOPY --from=s1 /x /x\nCOPY --from=s2 /x /y\n`,
    });
  }

  async function begin({ command, env }: (typeof clients)[number]) {
    const child = Bun.spawn(command(engine(), sleepingFolder()), {
      env: { ...process.env, DOCKER_CONFIG: join(engine().root, "config"), ...env },
      stdout: "ignore",
      stderr: "ignore",
    });
    await eventually(async () => (await sleepers()).split("\n").length, 6);
    const steps = runningSteps(engine());
    expect(steps).toHaveLength(2);
    return { child, steps };
  }

  for (const client of clients) {
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      test(`whose client (${client.name}) gets ${signal}: the steps end at once and leave nothing`, async () => {
        const { child, steps } = await begin(client);
        child.kill(signal);
        await child.exited;
        await eventually(sleepers, "");
        await expectNoTraces(engine(), steps);
      });
    }
  }

  test("whose clients went away: that is no error of the engine's", () => {
    expect(
      engine()
        .log()
        .split("\n")
        .filter((line) => line.includes("level=error")),
    ).toEqual([]);
  });

  test("whose daemon is stopped", async () => {
    const { child, steps } = await begin(clients[0]!);
    await engine().stop();
    expect(await child.exited).toBe(1);
    expect(await sleepers()).toBe("");
    await engine().start();
    await expectNoTraces(engine(), steps);
  });

  test("whose daemon is killed: the next one sweeps up, and builds", async () => {
    const { child, steps } = await begin(clients[0]!);
    await engine().kill();
    expect(await child.exited).toBe(1);
    await engine().start();
    await eventually(sleepers, "");
    await expectNoTraces(engine(), steps);
    await berthBuild(engine(), ["-"], {
      stdin: `FROM ${IMAGE}\nRUN --mount=type=cache,id=ends1,target=/c echo goes on > /x\n`,
    });
    await expectNoTraces(engine(), steps);
  });
});

describe("a daemon that is killed at any moment of builds", () => {
  const { engine, docker } = useEngine();

  test("has lost nothing that was done, believes nothing that was not, and sweeps up", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`data/${n}`, "x".repeat(n * 50)]),
    );
    const folder = folderOf(files);
    for (let round = 0; round < 8; round++) {
      const dockerfile = `FROM ${IMAGE} AS a
RUN --mount=type=cache,target=/c echo ${round} >> /c/log; for i in 1 2 3 4 5; do echo ${round} > /r$i; done
COPY data /data${round}
FROM ${IMAGE} AS b
RUN rm -rf /home; echo ${round} > /home; ln -s /home /h
FROM a
COPY --from=b --link /home /x/y
RUN cat /x/y /r5 > /last
`;
      writeFileSync(join(folder, "Dockerfile"), dockerfile);
      const running = [[], ["--no-cache"]].map((flags) =>
        engine().berth(["build", "-t", `killed:${round}`, ...flags, folder]),
      );
      await Bun.sleep(round * 60);
      await engine().kill();
      await Promise.all(running);
      await engine().start();
      await berthBuild(engine(), ["-t", "whole", folder]);
      const shown = await docker(
        "run",
        "--rm",
        "whole",
        "sh",
        "-c",
        `cat /last; cat /data${round}/* | wc -c`,
      );
      expect(shown).toBe(`${round}\n${round}\n${(50 * 200 * 199) / 2}`);
    }
    // An image that has its name before the end has all its files, too.
    const names = (await docker("images", "-q", "--no-trunc")).split("\n");
    for (const name of names)
      await docker("run", "--rm", name, "sh", "-c", "find / -xdev -type f -exec cat {} + > /dev/null");
    await expectNoTraces(engine());
  });
});

describe("secrets and agents", () => {
  const { engine, docker } = useEngine({ args: ["--debug"] });
  const secret = "5ecret-of-the-build";

  test("are in no layer, record, history, provenance, log, and in no other file of the engine's", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}
RUN --mount=type=secret,id=one,mode=0444 cat /run/secrets/one > /dev/null && wc -c < /run/secrets/one > /size
RUN --mount=type=secret,id=one,target=/etc/token,required --mount=type=secret,id=two,env=TOKEN test "$(cat /etc/token)" = "$TOKEN"
RUN --mount=type=secret,id=one,target=/new/place/file --mount=type=cache,target=/c ls /new/place/file
RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo "$SSH_AUTH_SOCK" > /agent-was
RUN --mount=type=secret,id=one ls -A /run /new > /after 2>&1; env > /env; true
`,
    });
    const file = join(folderOf({ file: secret }), "file");
    const path = join(folderOf({}), "agent-socket-path");
    const agent = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => agent.listen(path, resolve));
    const given = [
      "--secret",
      `id=one,src=${file}`,
      "--secret",
      "id=two,env=TWO",
      "--ssh",
      `default=${path}`,
    ];
    const output: string[] = [];
    try {
      const { stderr } = await berthBuild(
        engine(),
        ["-t", "s:1", "--provenance=mode=max", "--cache-to", "type=inline", ...given, folder],
        {
          env: { TWO: secret },
        },
      );
      output.push(stderr);
      // A step that fails with a secret in its hands, and one without it.
      const failing = folderOf({
        Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=secret,id=one,required false\n`,
      });
      const failed = await engine().berth(["build", "--progress", "plain", ...given, failing], {
        env: { TWO: secret },
      });
      expect(failed.code).toBe(1);
      const missing = await engine().berth(
        ["build", "--progress", "plain", "--secret", "id=two,env=TWO", failing],
        { env: { TWO: secret } },
      );
      expect(missing.stderr).toContain("secret one: not found");
      expect(missing.stderr).toContain("Dockerfile:2");
      expect(missing.code).toBe(1);
      output.push(failed.stderr, missing.stderr);
    } finally {
      agent.close();
    }
    expect(
      await docker(
        "run",
        "--rm",
        "s:1",
        "sh",
        "-c",
        "cat /size /after; ls -A /new /etc/token 2>&1; grep -c TOKEN /env; true",
      ),
    ).not.toContain("one:");
    const shows = ["history --no-trunc", "image inspect", "image log"].map(async (command) => {
      const shown = await engine().berth([...command.split(" "), "s:1"]);
      expect(shown.code).toBe(0);
      return shown.stdout;
    });
    const saved = join(folder, "saved.tar");
    await docker("save", "-o", saved, "s:1");
    for (const text of [...output, ...(await Promise.all(shows)), engine().log()]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(path);
    }
    for (const text of [secret, path]) {
      // With their write-ahead log and everything that was deleted and not overwritten in them.
      const found = await runCommand([
        "grep",
        "-rlaF",
        text,
        saved,
        join(engine().root, "data"),
        join(engine().root, "exec"),
      ]);
      expect(found.stdout).toBe("");
    }
    await expectNoTraces(engine());
  });
});

describe("what does not fit", () => {
  bePatient();
  /** Of which the engine keeps a quarter of a gigabyte free for the rest of the machine. */
  const SIZE = 512 << 20;
  let engine: TestEngine;
  let data: string;
  beforeAll(async () => {
    engine = await startEngine();
    await engine.stop();
    data = join(engine.root, "data");
    const kept = join(engine.root, "kept");
    await runCommand(["mv", data, kept]);
    mkdirSync(data);
    const disk = join(engine.root, "disk");
    await runCommand(["truncate", "-s", String(SIZE), disk]);
    expect(await runCommand(["mkfs.ext4", "-q", "-m", "0", disk])).toMatchObject({ code: 0 });
    expect(await runCommand(["mount", "-o", "loop", disk, data])).toMatchObject({ code: 0 });
    expect(await runCommand(["cp", "-a", `${kept}/.`, data])).toMatchObject({ code: 0 });
    await engine.start();
  });
  afterAll(async () => {
    await engine.stop();
    unmount(data, { lazy: true });
    rmSync(join(engine.root, "kept"), { recursive: true });
    await engine[Symbol.asyncDispose]();
  });

  const freeKiB = async () =>
    Number((await runCommand(["df", "--output=avail", data])).stdout.split("\n")[1]);

  /** It fails with a reason, gives all the space back, and the next build works. */
  async function fillsUp(args: readonly string[], reason: RegExp) {
    const before = await freeKiB();
    const result = await engine.berth(["build", "--progress", "plain", ...args]);
    expect(result.stderr).toMatch(reason);
    expect(result.code).toBe(1);
    await expectNoTraces(engine);
    // Records of steps that succeeded are worth little; a layer that did not fit would be megabytes.
    await eventually(async () => before - (await freeKiB()) < 4096, true);
    await berthBuild(engine, ["-"], { stdin: `FROM ${IMAGE}\nRUN echo ${Math.random()} > /x\n` });
  }

  test("a step that fills the disk", async () => {
    await fillsUp(
      [folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN dd if=/dev/zero of=/big bs=1M count=600\n` })],
      /No space left on device[\s\S]*Dockerfile:2/,
    );
  });

  test("a layer that fits as files, and not once more", async () => {
    await fillsUp(
      [folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN dd if=/dev/zero of=/big bs=1M count=160\n` })],
      /no space left on device[\s\S]*Dockerfile:2|Dockerfile:2[\s\S]*no space left on device/i,
    );
  });

  test("files that are copied, and an archive that is unpacked", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nCOPY big /big\n` });
    await runCommand(["truncate", "-s", "600M", join(folder, "big")]);
    await fillsUp([folder], /no space left on device/i);
    await runCommand(["tar", "-cf", join(folder, "big.tar"), "-C", folder, "big"]);
    writeFileSync(join(folder, "Dockerfile"), `FROM ${IMAGE}\nADD big.tar /unpacked/\n`);
    await fillsUp([folder], /no space left on device/i);
  });

  test("a context that is small on its way and large where it is unpacked", async () => {
    const folder = folderOf({ "context/Dockerfile": `FROM ${IMAGE}\nCOPY zeros /z\n` });
    await runCommand(["truncate", "-s", "600M", join(folder, "context/zeros")]);
    const tar = Bun.spawn(["tar", "-cz", "-C", join(folder, "context"), "."]).stdout;
    const response = await fetch("http://localhost/v1.41/build", {
      unix: engine.socket,
      method: "POST",
      body: tar,
      headers: { "Content-Type": "application/x-tar" },
    });
    expect(await response.text()).toMatch(/no space left on device/i);
    await expectNoTraces(engine);
    // A file that claims to be larger than anything, and sends nothing.
    const claim = Bun.spawnSync(["sh", "-c", "truncate -s 8T huge && tar -cS huge"], { cwd: folder });
    const bomb = await fetch("http://localhost/v1.41/build", {
      unix: engine.socket,
      method: "POST",
      body: claim.stdout,
    });
    expect(await bomb.text()).toContain("failed to read dockerfile");
    await expectNoTraces(engine);
    await berthBuild(engine, ["-"], { stdin: `FROM ${IMAGE}\nRUN echo still there\n` });
  });
});

type Entry = Omit<TarHeaderInput, "mode" | "size"> & { readonly data?: string };

const file = (name: string, data = "owned"): Entry => ({ name, kind: "file", data });
const link = (name: string, linkName: string): Entry => ({ name, kind: "symlink", linkName });
const hardLink = (name: string, linkName: string): Entry => ({ name, kind: "hardlink", linkName });

function tarOf(entries: readonly Entry[]): Uint8Array {
  const members = entries.flatMap(({ data = "", ...header }) => {
    const bytes = Buffer.from(data);
    return [encodeHeader({ ...header, mode: 0o755, size: bytes.length }), bytes, padding(bytes.length)];
  });
  return Buffer.concat([...members, TAR_END]);
}

describe("contexts of the classic API", () => {
  const { engine } = useEngine();

  test("archives that climb out, lie, or name what is no file", async () => {
    const outside = folderOf({ canary: "untouched" });
    const out = (name: string) => join(outside, name);
    const archives: Record<string, readonly Entry[]> = {
      "..": [file(`../../../../../../../../..${out("canary")}`)],
      "absolute name": [file(out("canary"))],
      "through a link": [link("l", outside), file("l/canary")],
      "hard link": [hardLink("h", out("canary")), file("h")],
      "hard link through a link": [link("l", outside), hardLink("h", "l/canary"), file("h")],
      device: [{ name: "zero", kind: "char", major: 1, minor: 5 }],
      pipe: [{ name: "pipe", kind: "fifo" }],
      "one name for all": [file("a"), { name: "a", kind: "directory" }, link("a", outside), file("a/canary")],
      deep: [file(`${Array.from({ length: 60 }, () => "d".repeat(100)).join("/")}/f`)],
      "a folder as Dockerfile": [{ name: "Dockerfile", kind: "directory" }],
      "a link as Dockerfile": [link("Dockerfile", "/etc/passwd")],
      "a pipe as Dockerfile": [{ name: "Dockerfile", kind: "fifo" }],
    };
    const before = statSync(join(outside, "canary")).mtimeMs;
    for (const [name, entries] of Object.entries(archives)) {
      const response = await fetch("http://localhost/v1.41/build", {
        unix: engine().socket,
        method: "POST",
        body: tarOf([file("Dockerfile", `FROM ${IMAGE}\nCOPY . /all\n`), ...entries]),
        headers: { "Content-Type": "application/x-tar" },
        signal: AbortSignal.timeout(30_000),
      });
      const text = await response.text();
      expect([name, text]).toEqual([name, expect.stringMatching(/"error"|"message"|Successfully built/)]);
      expect([name, text]).toEqual([
        name,
        expect.not.stringMatching(/root:x:|TypeError|EISDIR|undefined is not/),
      ]);
    }
    expect(await Bun.file(join(outside, "canary")).text()).toBe("untouched");
    expect(statSync(join(outside, "canary")).mtimeMs).toBe(before);
    expect(readdirSync(outside)).toEqual(["canary"]);
    await expectNoTraces(engine());
  });

  test("a body that stops in the middle and whose sender goes away", async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN :\n` });
    mkdirSync(join(folder, "data"));
    await runCommand(["truncate", "-s", "8M", join(folder, "data/zeros")]);
    const tar = Bun.spawnSync(["tar", "-c", "-C", folder, "."]).stdout;
    const abort = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(tar.subarray(0, 2 << 20));
        await Bun.sleep(300);
        abort.abort();
        await new Promise(() => {});
      },
    });
    const request = fetch("http://localhost/v1.41/build", {
      unix: engine().socket,
      method: "POST",
      body,
      signal: abort.signal,
    });
    expect(
      await request.then(
        () => "answered",
        () => "ended",
      ),
    ).toBe("ended");
    await expectNoTraces(engine());
    expect(await buildTraces(engine())).toEqual([]);
  });
});
