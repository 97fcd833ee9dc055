// Builds by the classic builder's API (`POST /build` with a tar), with the real docker client.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AGAINST_DOCKER, type CommandResult, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, dockerResult, engine, eventually } = useEngine(AGAINST_DOCKER ? {} : { args: ["--debug"] });

let contexts: string;
let count = 0;
beforeAll(() => {
  contexts = mkdtempSync(join(tmpdir(), "berth-build-"));
});
afterAll(() => rmSync(contexts, { recursive: true, force: true }));

/** A directory with these files. */
function context(files: Readonly<Record<string, string>>): string {
  const directory = join(contexts, String(count++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

const classic = { DOCKER_BUILDKIT: "0" };

/** Builds in the classic way, whatever comes of it. */
function build(directory: string, ...args: string[]): Promise<CommandResult> {
  return dockerResult(["build", ...args, directory], { env: classic });
}

/** Builds, expects success, and gives what was printed. */
async function built(directory: string, ...args: string[]): Promise<string> {
  const result = await build(directory, ...args);
  expect(result, result.stderr).toMatchObject({ code: 0 });
  return result.stdout;
}

const withoutIds = (text: string) => text.replace(/\b[0-9a-f]{12}\b/g, "<id>");
const run = (image: string, ...args: string[]) => docker("run", "--rm", image, ...args);
const imageId = (name: string) => docker("image", "inspect", "--format", "{{.Id}}", name);

describe("docker build", () => {
  test("a Dockerfile becomes an image, told in the classic builder's words", async () => {
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nENV GREETING=hello\nRUN echo $GREETING > /greeting\nCOPY file /copied\nCMD ["cat", "/greeting", "/copied"]\n`,
      file: "from the context\n",
    });
    const output = await built(directory, "-t", "build-first");
    const steps = withoutIds(output)
      .split("\n")
      .filter((line) => /^(Step| ---> Running|Successfully)/.test(line));
    expect(steps).toContain(`Step 1/5 : FROM ${IMAGE}`);
    expect(steps).toContain("Step 3/5 : RUN echo $GREETING > /greeting");
    expect(steps).toContain(" ---> Running in <id>");
    expect(steps).toContain('Step 5/5 : CMD ["cat", "/greeting", "/copied"]');
    expect(steps.slice(-2)).toEqual(["Successfully built <id>", "Successfully tagged build-first:latest"]);
    expect(await run("build-first")).toBe("hello\nfrom the context");
    const id = /Successfully built ([0-9a-f]{12})/.exec(output)![1]!;
    expect(await imageId("build-first")).toContain(id);
    const again = await built(directory, "-t", "build-again");
    expect(again.match(/ ---> Using cache/g)!.length).toBeGreaterThanOrEqual(2);
    expect(again).not.toContain("Running in");
    expect(await imageId("build-again")).toBe(await imageId("build-first"));
    await docker("rmi", "build-first", "build-again");
  });

  test("what a command prints is seen, and its exit code is the client's", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nRUN echo to-out; echo to-err >&2; exit 3\n` });
    const result = await build(directory, "-t", "build-failed");
    expect(result.code).toBe(3);
    expect(result.stdout).toContain("to-out");
    expect(result.stdout).toContain("to-err");
    expect(result.stderr).toContain(
      "The command '/bin/sh -c echo to-out; echo to-err >&2; exit 3' returned a non-zero code: 3",
    );
    expect((await dockerResult(["image", "inspect", "build-failed"])).code).toBe(1);
  });

  test("a changed file is noticed, a changed time is not", async () => {
    const text = `FROM ${IMAGE}\nCOPY file /file\nRUN cat /file > /seen\nCMD ["cat", "/seen"]\n`;
    const directory = context({ Dockerfile: text, file: "one" });
    await built(directory, "-t", "build-change");
    const first = await imageId("build-change");
    writeFileSync(join(directory, "file"), "one");
    expect(await built(directory, "-t", "build-change")).not.toContain("Running in");
    expect(await imageId("build-change")).toBe(first);
    writeFileSync(join(directory, "file"), "two");
    expect(await built(directory, "-t", "build-change")).toContain("Running in");
    expect(await run("build-change")).toBe("two");
    chmodSync(join(directory, "file"), 0o711);
    expect(await built(directory, "-t", "build-change")).toContain("Running in");
    await docker("rmi", "build-change");
  });

  test("stages, of which those that are not needed are not built", async () => {
    const directory = context({
      Dockerfile: [
        `FROM ${IMAGE} AS compile`,
        "RUN echo made > /out",
        `FROM ${IMAGE} AS final`,
        "COPY --from=compile /out /out",
        'CMD ["cat", "/out"]',
      ].join("\n"),
    });
    await built(directory, "-t", "build-stages");
    expect(await run("build-stages")).toBe("made");
    await built(directory, "--target", "compile", "-t", "build-target");
    expect(await run("build-target", "cat", "/out")).toBe("made");
    await docker("rmi", "build-stages", "build-target");
  });

  test("arguments, labels, several names, another Dockerfile, quiet", async () => {
    const directory = context({
      "sub/Other": `ARG BASE\nFROM $BASE\nARG COLOR=red\nARG NEVER\nENV COLOR=$COLOR\nLABEL own=1\n`,
    });
    const args = ["--build-arg", `BASE=${IMAGE}`, "--build-arg", "COLOR=blue", "--label", "given=2"];
    const names = ["-t", "build-names", "-t", "localhost:5000/build/names:2"];
    const output = await built(directory, ...args, ...names, "-q", "-f", join(directory, "sub/Other"));
    expect(output.trim()).toBe(await imageId("build-names"));
    expect(await imageId("localhost:5000/build/names:2")).toBe(output.trim());
    const config = JSON.parse(
      await docker("image", "inspect", "--format", "{{json .Config}}", "build-names"),
    );
    expect(config.Env).toContain("COLOR=blue");
    expect(config.Labels).toEqual({ own: "1", given: "2" });
    const unknown = await built(directory, ...args, "--build-arg", "X=1", "-f", join(directory, "sub/Other"));
    expect(unknown).toContain("[Warning] One or more build-args [X] were not consumed");
    await docker("rmi", "build-names", "localhost:5000/build/names:2");
  });

  test("--no-cache runs it all again", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nRUN cat /proc/sys/kernel/random/uuid > /id\n` });
    await built(directory, "-t", "build-fresh");
    const first = await run("build-fresh", "cat", "/id");
    await built(directory, "-t", "build-fresh");
    expect(await run("build-fresh", "cat", "/id")).toBe(first);
    await built(directory, "--no-cache", "-t", "build-fresh");
    expect(await run("build-fresh", "cat", "/id")).not.toBe(first);
    await docker("rmi", "build-fresh");
  });

  test(".dockerignore keeps files away", async () => {
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nCOPY . /all\nCMD ["find", "/all", "-type", "f"]\n`,
      ".dockerignore": "secret\n*.log\n!keep.log\n",
      secret: "x",
      "a.log": "x",
      "keep.log": "x",
      file: "x",
    });
    await built(directory, "-t", "build-ignore");
    const files = (await run("build-ignore")).split("\n");
    expect(files).toContain("/all/file");
    expect(files).toContain("/all/keep.log");
    expect(files).not.toContain("/all/secret");
    expect(files).not.toContain("/all/a.log");
    await docker("rmi", "build-ignore");
  });

  test("a Dockerfile from standard input, and a tar", async () => {
    const stdin = `FROM ${IMAGE}\nRUN echo alone > /file\n`;
    const result = await dockerResult(["build", "-t", "build-stdin", "-"], { env: classic, stdin });
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(await run("build-stdin", "cat", "/file")).toBe("alone");
    await docker("rmi", "build-stdin");
  });

  test("steps have a network of their own, or none", async () => {
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nRUN ls /sys/class/net | tr '\\n' ' ' > /links\n`,
    });
    await built(directory, "-t", "build-network", "--network", "none");
    expect((await run("build-network", "cat", "/links")).trim().split(" ")).toEqual(["lo"]);
    await docker("rmi", "build-network");
  });

  test("links in the context lead nowhere outside it", async () => {
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nCOPY link /copied\nCOPY folder/passwd /other\n`,
    });
    symlinkSync("/etc/passwd", join(directory, "link"));
    symlinkSync("/etc", join(directory, "folder"));
    const result = await build(directory);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/not found|no such file/i);
  });

  const wrong: [what: string, text: string, message: RegExp][] = [
    ["an unknown instruction", `FROM ${IMAGE}\nRUM x\n`, /unknown instruction: RUM/i],
    ["no instruction", "# nothing\n", /file with no instructions|Dockerfile.*empty/i],
    [
      "a missing file",
      `FROM ${IMAGE}\nCOPY missing /x\n`,
      /missing.*(not found|no such file|does not exist)/i,
    ],
    [
      "a stage that is none",
      `FROM ${IMAGE}\nCOPY --from=5 a b\n`,
      /invalid (stage index 5|from flag value 5)/i,
    ],
    ["a broken name", "FROM a:b:c\nRUN x\n", /invalid reference format/],
  ];
  for (const [what, text, message] of wrong) {
    test(`${what} is refused with its reason`, async () => {
      const result = await build(context({ Dockerfile: text }));
      expect(result.code).not.toBe(0);
      expect(result.stderr).toMatch(message);
    });
  }

  test("who goes away ends what runs", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nRUN sleep 987\n` });
    const env = { ...process.env, ...classic, DOCKER_HOST: engine().host, DOCKER_CONFIG: contexts };
    const client = Bun.spawn(["docker", "build", directory], {
      env: env as Record<string, string>,
      stdout: "ignore",
      stderr: "ignore",
    });
    const sleeping = async () =>
      new TextDecoder().decode(Bun.spawnSync(["pgrep", "-f", "^sleep 987$"]).stdout).trim() !== "";
    await eventually(sleeping, true);
    client.kill("SIGKILL");
    await client.exited;
    await eventually(sleeping, false);
  });
});

describe("docker build, beyond Docker's classic builder", () => {
  test.skipIf(AGAINST_DOCKER)("mounts, here-documents and linked copies", async () => {
    const directory = context({
      Dockerfile: [
        `FROM ${IMAGE} AS base`,
        "RUN --mount=type=cache,target=/cache date +%N >> /cache/runs; wc -l < /cache/runs > /runs",
        "RUN <<EOF",
        "echo one > /lines",
        "echo two >> /lines",
        "EOF",
        "RUN --mount=type=bind,target=/ctx cat /ctx/file > /bound",
        `FROM ${IMAGE}`,
        "COPY --link --from=base /runs /lines /bound /",
        'CMD ["cat", "/runs", "/lines", "/bound"]',
      ].join("\n"),
      file: "bound\n",
    });
    await built(directory, "-t", "build-mounts");
    expect(await run("build-mounts")).toBe("1\none\ntwo\nbound");
    await built(directory, "--no-cache", "-t", "build-mounts");
    expect(await run("build-mounts")).toBe("2\none\ntwo\nbound");
    await docker("rmi", "build-mounts");
  });

  test.skipIf(AGAINST_DOCKER)("history as BuildKit writes it", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nENV A=b\nRUN true > /x\nCMD ["x"]\n` });
    await built(directory, "-t", "build-history");
    const history = await docker(
      ...["history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "build-history"],
    );
    expect(history.split("\n").slice(0, 3)).toEqual([
      'CMD ["x"]|buildkit.dockerfile.v0',
      "RUN /bin/sh -c true > /x # buildkit|buildkit.dockerfile.v0",
      "ENV A=b|buildkit.dockerfile.v0",
    ]);
    expect(await docker("image", "inspect", "--format", "{{.Comment}}", "build-history")).toBe(
      "buildkit.dockerfile.v0",
    );
    await docker("rmi", "build-history");
  });

  test.skipIf(AGAINST_DOCKER)(
    "the same input gives the same image, after the cache is gone too",
    async () => {
      const directory = context({
        Dockerfile: `FROM ${IMAGE}\nARG SOURCE_DATE_EPOCH\nCOPY file /x/file\nRUN date > /dev/null; echo made > /made\n`,
        file: "x",
      });
      const args = ["--build-arg", "SOURCE_DATE_EPOCH=1700000000"];
      await built(directory, ...args, "-t", "build-same");
      const first = await imageId("build-same");
      await docker("rmi", "build-same");
      await docker("builder", "prune", "-a", "-f");
      writeFileSync(join(directory, "file"), "x");
      const again = await built(directory, ...args, "-t", "build-same");
      expect(again).toContain("Running in");
      expect(await imageId("build-same")).toBe(first);
      await docker("rmi", "build-same");
    },
  );

  test.skipIf(AGAINST_DOCKER)("--squash leaves one layer", async () => {
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nRUN echo a > /a; rm /bin/true\nRUN echo b > /b; rm /a\n`,
    });
    // Docker's own client hides the flag unless the engine calls itself experimental.
    const result = await engine().berth(["build", "--squash", "-t", "build-squash", directory]);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const layers = (name: string) => docker("image", "inspect", "--format", "{{len .RootFS.Layers}}", name);
    expect(Number(await layers("build-squash"))).toBe(Number(await layers(IMAGE)) + 1);
    expect(await run("build-squash", "sh", "-c", "cat /b; ls /a /bin/true 2>&1 | grep -c 'No such'")).toBe(
      "b\n2",
    );
    await docker("rmi", "build-squash");
  });
});

describe("the build cache", () => {
  const records = async () =>
    (
      (await (await engine().api("GET", "/v1.44/system/df?type=build-cache")).json()) as {
        BuildCache: {
          ID: string;
          Type: string;
          Size: number;
          InUse: boolean;
          Shared: boolean;
          UsageCount: number;
        }[];
      }
    ).BuildCache;

  test.skipIf(AGAINST_DOCKER)("is listed, and pruned", async () => {
    await docker("builder", "prune", "-a", "-f");
    expect(await records()).toEqual([]);
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nRUN echo abc > /abc\nRUN --mount=type=cache,target=/c echo 12345 > /c/f\n`,
    });
    await built(directory, "-t", "build-cached");
    await built(directory);
    const found = await records();
    expect(found.map(({ Type }) => Type).toSorted()).toEqual(["exec.cachemount", "regular", "regular"]);
    const regular = found.filter(({ Type }) => Type === "regular");
    expect(regular.every(({ Shared, UsageCount, InUse }) => Shared && UsageCount === 2 && !InUse)).toBe(true);
    // What the image needs as well is not dangling.
    expect(await docker("builder", "prune", "-f")).toContain("Total reclaimed space");
    expect((await records()).map(({ Type }) => Type)).toEqual(["regular", "regular"]);
    await docker("rmi", "build-cached");
    const text = await docker("builder", "prune", "-a", "-f", "--filter", "until=24h");
    expect(text).toBe("Total reclaimed space: 0B");
    const pruned = await docker("builder", "prune", "-f");
    expect(pruned).toContain("Deleted build cache objects:");
    expect(await records()).toEqual([]);
  });

  test.skipIf(AGAINST_DOCKER)("outlives the daemon, also one that was killed", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nRUN echo kept > /kept\n` });
    await built(directory, "-t", "build-kept");
    await engine().kill();
    await engine().start();
    expect(await built(directory, "-t", "build-kept")).not.toContain("Running in");
    await docker("rmi", "build-kept");
    await built(directory);
    expect(await built(directory)).not.toContain("Running in");
  });

  test.skipIf(AGAINST_DOCKER)("a daemon killed in the middle of a step leaves nothing", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nRUN echo x > /x; sleep 986\n` });
    const building = build(directory);
    const sleeping = async () =>
      new TextDecoder().decode(Bun.spawnSync(["pgrep", "-f", "^sleep 986$"]).stdout).trim() !== "";
    await eventually(sleeping, true);
    await engine().kill();
    expect((await building).code).not.toBe(0);
    await engine().start();
    await eventually(sleeping, false);
    const mounts = await Bun.file("/proc/self/mountinfo").text();
    expect(mounts).not.toContain(engine().root);
  });

  test.skipIf(AGAINST_DOCKER)("our client shows and prunes it, too", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nRUN echo du > /du\n` });
    await built(directory);
    const usage = await engine().berth(["builder", "du"]);
    expect(usage.stdout).toMatch(/^ID +RECLAIMABLE +SIZE +LAST ACCESSED\n/);
    expect(usage.stdout).toMatch(/\nTotal:\t\t\d/);
    const verbose = await engine().berth(["builder", "du", "--verbose"]);
    expect(verbose.stdout).toContain("mount / from exec /bin/sh -c echo du > /du");
    const pruned = await engine().berth(["builder", "prune", "-a", "-f"]);
    expect(pruned.stdout).toContain("Deleted build cache objects:");
    expect(await records()).toEqual([]);
  });
});

describe("POST /build", () => {
  const post = async (query: string, body?: Uint8Array) => {
    const response = await fetch(`http://localhost/v1.44/build?${query}`, {
      unix: engine().socket,
      method: "POST",
      headers: { "Content-Type": "application/x-tar" },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, text: await response.text() };
  };

  const refused: [query: string, message: RegExp][] = [
    ["isolation=hyperv", /isolation/i],
    ["buildargs=x", /buildargs|invalid character/],
    ["memory=x", /memory|invalid syntax/],
    ["t=UPPER", /invalid reference format|invalid tag/],
    ["version=7", /version/],
  ];
  for (const [query, message] of refused) {
    test.skipIf(AGAINST_DOCKER)(`?${query} is refused`, async () => {
      const { status, text } = await post(query, new Uint8Array(1024));
      expect(text).toMatch(message);
      expect(status).toBe(400);
    });
  }

  test.skipIf(AGAINST_DOCKER)("an image tells how it was built, and no secret", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nARG WHAT\nARG API_TOKEN\nRUN echo x > /x\n` });
    const args = ["--build-arg", "WHAT=this", "--build-arg", "API_TOKEN=hunter2"];
    await built(directory, ...args, "-t", "build-provenance");
    const of = async (query: string) =>
      (await (await engine().api("GET", `/v1.51/images/build-provenance/attestations?${query}`)).json()) as {
        PredicateType: string;
        Statement?: { subject: unknown; predicate: { buildDefinition: { externalParameters: unknown } } };
      }[];
    const [found] = await of("statement=true");
    expect(found!.PredicateType).toBe("https://slsa.dev/provenance/v1");
    expect(JSON.stringify(found)).not.toContain("hunter2");
    expect(found!.Statement!.subject).toMatchObject([
      { digest: { sha256: (await imageId("build-provenance")).slice("sha256:".length) } },
    ]);
    expect(found!.Statement!.predicate.buildDefinition.externalParameters).toMatchObject({
      request: { args: { "build-arg:WHAT": "this" } },
    });
    expect((await of(""))[0]!.Statement).toBeUndefined();
    expect(await of("type=other")).toEqual([]);
    await docker("rmi", "build-provenance");
  });

  test.skipIf(AGAINST_DOCKER)("a build is cancelled by its id", async () => {
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nRUN sleep 985\n` });
    const tar = await Bun.$`tar -C ${directory} -c .`.arrayBuffer();
    const answer = post("buildid=of-a-test", new Uint8Array(tar));
    const sleeping = async () =>
      new TextDecoder().decode(Bun.spawnSync(["pgrep", "-f", "^sleep 985$"]).stdout).trim() !== "";
    await eventually(sleeping, true);
    expect((await engine().api("POST", "/v1.44/build/cancel?id=of-a-test")).status).toBe(200);
    expect((await answer).text).toContain("context canceled");
    await eventually(sleeping, false);
    expect((await engine().api("POST", "/v1.44/build/cancel")).status).toBe(400);
  });

  test.skipIf(AGAINST_DOCKER)("two builds that want the same at the same time do it once", async () => {
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nRUN --mount=type=cache,target=/c echo run >> /c/runs; sleep 1; cp /c/runs /runs\n`,
    });
    await Promise.all([built(directory, "-t", "build-one"), built(directory, "-t", "build-two")]);
    expect(await run("build-one", "cat", "/runs")).toBe("run");
    expect(await imageId("build-one")).toBe(await imageId("build-two"));
    await docker("rmi", "build-one", "build-two");
  });

  test.skipIf(AGAINST_DOCKER)(
    "the engine fetches a context by its address: a Dockerfile, or a tar",
    async () => {
      const directory = context({ Dockerfile: `FROM ${IMAGE}\nCOPY file /file\n`, file: "from afar" });
      const tar = await Bun.$`tar -C ${directory} -cz .`.arrayBuffer();
      await using server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: ({ url }) => {
          const { pathname } = new URL(url);
          if (pathname === "/context.tar.gz") return new Response(tar);
          if (pathname === "/Dockerfile") return new Response(`FROM ${IMAGE}\nRUN echo alone > /file\n`);
          return new Response("no", { status: 404 });
        },
      });
      const remote = (path: string) => encodeURIComponent(`http://127.0.0.1:${server.port}/${path}`);
      const whole = await post(`t=build-remote&remote=${remote("context.tar.gz")}`);
      expect(whole.text).toContain("Successfully tagged build-remote:latest");
      expect(await run("build-remote", "cat", "/file")).toBe("from afar");
      const alone = await post(`t=build-remote&remote=${remote("Dockerfile")}`);
      expect(alone.text).toContain("Successfully tagged build-remote:latest");
      expect(await run("build-remote", "cat", "/file")).toBe("alone");
      expect((await post(`remote=${remote("missing")}`)).text).toContain("404");
      await docker("rmi", "build-remote");
    },
  );

  test.skipIf(AGAINST_DOCKER)("an image that another build made on another engine spares work", async () => {
    const directory = context({
      Dockerfile: `FROM ${IMAGE}\nRUN cat /proc/sys/kernel/random/uuid > /id\nLABEL a=b\n`,
    });
    await built(directory, "--build-arg", "BUILDKIT_INLINE_CACHE=1", "-t", "build-inline");
    const id = await run("build-inline", "cat", "/id");
    await docker("builder", "prune", "-a", "-f");
    expect(await built(directory, "--cache-from", "build-inline", "-t", "build-from")).not.toContain(
      "Running in",
    );
    expect(await run("build-from", "cat", "/id")).toBe(id);
    await docker("builder", "prune", "-a", "-f");
    // Nobody asked for it: what is in an image's configuration is not believed.
    expect(await built(directory, "-t", "build-from")).toContain("Running in");
    expect(await run("build-from", "cat", "/id")).not.toBe(id);
    await docker("rmi", "build-inline", "build-from");
  });

  test.skipIf(AGAINST_DOCKER)("a build's arguments are in no log", async () => {
    const args = encodeURIComponent(JSON.stringify({ API_TOKEN: "hunter3" }));
    const remote = encodeURIComponent("https://me:hunter3@127.0.0.1:1/x.tar");
    expect((await post(`buildargs=${args}&t=UPPER`, new Uint8Array(1024))).status).toBe(400);
    expect((await post(`remote=${remote}`)).text).not.toContain("hunter3");
    const directory = context({ Dockerfile: `FROM ${IMAGE}\nARG API_TOKEN\nRUN false\n` });
    await build(directory, "--build-arg", "API_TOKEN=hunter3");
    expect(engine().log()).not.toContain("hunter3");
  });

  const outside: [what: string, args: readonly string[]][] = [
    ["a Dockerfile above the context", ["dockerfile=../../../../etc/passwd"]],
    ["a Dockerfile by an absolute path", ["dockerfile=/etc/passwd"]],
  ];
  for (const [what, query] of outside) {
    test.skipIf(AGAINST_DOCKER)(`${what} is not there`, async () => {
      const { text } = await post(query.join("&"), new Uint8Array(1024));
      expect(text).toMatch(/failed to read dockerfile.*no such file or directory/);
    });
  }

  test.skipIf(AGAINST_DOCKER)(
    "more rights and the host's network are not to be had by a Dockerfile",
    async () => {
      for (const flag of ["--security=insecure", "--network=host"]) {
        const result = await build(context({ Dockerfile: `FROM ${IMAGE}\nRUN ${flag} true\n` }));
        expect(result.code).not.toBe(0);
        expect(result.stderr).toMatch(/is not allowed/);
      }
    },
  );

  test.skipIf(AGAINST_DOCKER)("a body that is no tar is refused, and the engine is well", async () => {
    const { text } = await post("", new Uint8Array(100_000).fill(65));
    expect(text).toMatch(/tar|archive|dockerfile/i);
    expect((await engine().api("GET", "/_ping")).status).toBe(200);
  });
});
