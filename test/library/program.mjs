// What the library is for, with whatever engine and runtime it is started with. Each check prints a line when it holds.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BuildError,
  ConnectionError,
  Container,
  Engine,
  EngineError,
  ResponseError,
  STDERR,
  webStream,
} from "berth";

const image = process.env.IMAGE ?? "busybox";
const hasBuildKit = process.env.WITHOUT_BUILDKIT === undefined;
const engine = await Engine.connect();
const folder = mkdtempSync(join(tmpdir(), "berth-library-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const only = process.argv[2] ?? "";

async function check(name, body) {
  if (!name.includes(only)) return;
  await body();
  console.log(`ok ${name}`);
}

/** A container for one check. */
async function withContainer(options, body) {
  const container = await engine.run(image, options);
  try {
    return await body(container);
  } finally {
    await container.remove();
  }
}

const sleeping = { command: ["sleep", "600"], hostConfig: { Init: true } };
const shell = (script) => ({ command: ["sh", "-c", script] });
const rejected = (promise) =>
  promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );

await check("the engine says who it is", async () => {
  assert.match(await engine.system.ping(), /^1\.\d+$/);
  const [version, info] = await Promise.all([engine.system.version(), engine.system.info()]);
  assert.equal(version.Os, "linux");
  assert.equal(typeof info.Containers, "number");
});

await check("errors have kinds", async () => {
  const missing = await rejected(engine.container("no-such-container"));
  assert(missing instanceof ResponseError && missing instanceof EngineError && missing instanceof Error);
  assert.deepEqual([missing.kind, missing.status], ["NotFound", 404]);
  assert.match(missing.message, /no such container/i);
  const nobody = await rejected(new Engine(`unix://${folder}/nobody.sock`).containers.list());
  assert(nobody instanceof ConnectionError);
  assert.deepEqual([nobody.kind, nobody.code], ["Unavailable", "ENOENT"]);
  const refused = await rejected(new Engine("tcp://127.0.0.1:1").containers.list());
  assert.deepEqual([refused.kind, refused.code], ["Unavailable", "ECONNREFUSED"]);
  const unknown = await rejected(engine.run("no-such-image:x", { pull: "never" }));
  assert.equal(unknown.kind, "NotFound");
  const twice = await withContainer({ ...sleeping, name: "library-twice" }, () =>
    rejected(engine.create(image, { name: "library-twice" })),
  );
  assert.equal(twice.kind, "Conflict");
});

await check("a container's life", async () => {
  const container = await engine.create(image, {
    ...sleeping,
    name: "library-life",
    labels: { a: "b" },
    env: { X: "y" },
  });
  assert(container instanceof Container);
  assert.equal(container.name, "library-life");
  assert.equal((await container.inspect()).State.Status, "created");
  await container.start();
  const [listed] = await engine.containers.list({ filters: { label: ["a=b"] } });
  assert.equal(listed.Id, container.id);
  const found = await engine.container("library-life");
  assert.equal(found.id, container.id);
  // A handle of something that was there leaves it alone.
  await found[Symbol.asyncDispose]?.();
  await container.pause();
  assert.equal((await container.inspect()).State.Paused, true);
  await container.unpause();
  await container.restart({ timeoutSeconds: 0 });
  const ended = container.wait();
  await container.stop({ timeoutSeconds: 5 });
  assert(Number.isInteger(await ended));
  await container.remove();
  // Gone is gone.
  await container.remove();
  assert.equal((await rejected(container.inspect())).kind, "NotFound");
});

await check("a block's end removes its container", async () => {
  const container = await engine.run(image, sleeping);
  const kept = await engine.run(image, { ...sleeping, keep: true });
  await Promise.all([container[Symbol.asyncDispose](), kept[Symbol.asyncDispose]()]);
  assert.equal((await rejected(container.inspect())).kind, "NotFound");
  assert.equal((await kept.inspect()).State.Running, true);
  await kept.remove();
});

await check("exit codes", () =>
  withContainer(shell("exit 7"), async (container) => assert.equal(await container.wait(), 7)),
);

await check("logs as chunks, lines, texts and web streams", () =>
  withContainer(shell("echo one; echo two >&2; sleep 0.1; printf drei"), async (container) => {
    await container.wait();
    const chunks = [];
    for await (const chunk of await container.logs()) chunks.push(chunk);
    assert.deepEqual(new Set(chunks.map(({ stream }) => stream)).size, 2);
    assert.equal(
      Buffer.concat(chunks.filter((c) => c.stream === STDERR).map((c) => c.bytes)).toString(),
      "two\n",
    );
    const lines = [];
    for await (const line of (await container.logs()).lines()) lines.push(line);
    assert.deepEqual(lines.sort(), ["drei", "one", "two"]);
    assert.deepEqual(await (await container.logs()).texts(), { stdout: "one\ndrei", stderr: "two\n" });
    assert.equal(await new Response((await container.logs({ stderr: false })).stream).text(), "one\ndrei");
    const output = await container.logs();
    const [stdout, stderr] = await Promise.all([
      new Response(output.stdout).text(),
      new Response(output.stderr).text(),
    ]);
    assert.deepEqual([stdout, stderr], ["one\ndrei", "two\n"]);
    assert.equal(await new Response((await container.logs()).stderr).text(), "two\n");
    assert.equal(await (await container.logs({ tail: "1", stderr: false })).text(), "drei");
    const { State } = await container.inspect();
    assert.equal(
      await (await container.logs({ since: new Date(Date.parse(State.FinishedAt) + 5000) })).text(),
      "",
    );
  }),
);

await check("a log that is followed can be left", () =>
  withContainer(shell("while echo tick; do sleep 0.05; done"), async (container) => {
    let count = 0;
    for await (const line of (await container.logs({ follow: true })).lines()) {
      assert.equal(line, "tick");
      if (++count === 3) break;
    }
    const reader = (await container.logs({ follow: true })).stdout.getReader();
    await reader.read();
    await reader.cancel();
  }),
);

await check("attached streams", async () => {
  const container = await engine.create(image, { command: ["cat"], stdin: true });
  try {
    const attached = await container.attach();
    await container.start();
    const writer = attached.stdin.getWriter();
    await writer.write(new TextEncoder().encode("in and "));
    await writer.write(new TextEncoder().encode("out"));
    await writer.close();
    assert.equal(await new Response(attached.output.stdout).text(), "in and out");
    attached.close();
    assert.equal(await container.wait(), 0);
  } finally {
    await container.remove();
  }
});

await check("commands in a container", () =>
  withContainer(sleeping, async (container) => {
    const options = { env: { WHO: "me" }, workingDir: "/tmp", stdin: "text" };
    const result = await container.exec(["sh", "-c", "pwd; echo $WHO; cat; echo bad >&2; exit 4"], options);
    assert.deepEqual(result, { exitCode: 4, stdout: "/tmp\nme\ntext", stderr: "bad\n" });
    // Much of both, in and out: nothing is lost, and a process that reads nothing of its input hinders nobody.
    const much = Buffer.alloc(5_000_000, "0123456789abcdef\n");
    async function* pieces() {
      for (let at = 0; at < much.length; at += 65_536) yield much.subarray(at, at + 65_536);
    }
    const { stdout } = await container.exec(["sh", "-c", "sha256sum"], { stdin: pieces() });
    assert.equal(stdout.slice(0, 64), createHash("sha256").update(much).digest("hex"));
    const echoed = await container.exec(["cat"], { stdin: pieces() });
    assert.equal(echoed.stdout.length, much.length);
    assert.equal((await container.exec(["true"], { stdin: pieces() })).exitCode, 0);
    const missing = await rejected(
      container.exec(["no-such-program"]).then(({ exitCode }) => {
        throw Object.assign(new Error("ended"), { exitCode });
      }),
    );
    assert([126, 127].includes(missing.exitCode) || missing instanceof EngineError, String(missing));
    const running = await container.spawn(["sh", "-c", "echo a; echo b >&2; echo c"]);
    const lines = [];
    for await (const line of running.output.lines()) lines.push(line);
    assert.deepEqual([lines.sort(), await running.exitCode()], [["a", "b", "c"], 0]);
  }),
);

await check("everything can be given up", () =>
  withContainer(sleeping, async (container) => {
    const reason = new Error("enough");
    const after = (begin) => {
      const abort = new AbortController();
      const begun = begin(abort.signal);
      setTimeout(() => abort.abort(reason), 50);
      return rejected(begun);
    };
    const collect = async (source) => {
      for await (const _ of await source);
    };
    assert.equal(await after((signal) => container.wait({ signal })), reason);
    assert.equal(await after((signal) => container.wait(signal)), reason);
    assert.equal(await after((signal) => collect(container.logs({ follow: true, signal }))), reason);
    assert.equal(await after((signal) => collect(engine.events({ signal }))), reason);
    assert.equal(await after((signal) => container.exec(["sleep", "60"], { signal })), reason);
    assert.equal(await after((signal) => container.waitForLog(/never/, signal)), reason);
    const slow = { command: ["sh", "-c", "sleep 60"], waitFor: /never/, name: "library-slow" };
    assert.equal(await after((signal) => engine.run(image, { ...slow, signal })), reason);
    assert.equal((await rejected(engine.container("library-slow"))).kind, "NotFound");
    const context = { Dockerfile: `FROM ${image}\nRUN sleep 60\n` };
    assert.equal(await after((signal) => engine.builds.run({ context, signal })), reason);
    assert.equal(await rejected(container.inspect(AbortSignal.abort(reason))), reason);
  }),
);

await check("events", async () => {
  const abort = new AbortController();
  const since = new Date();
  const seen = [];
  const listening = (async () => {
    for await (const { Action } of engine.events({
      since,
      filters: { type: ["container"], label: ["heard"] },
      signal: abort.signal,
    })) {
      seen.push(Action);
      if (Action === "destroy") break;
    }
  })();
  await withContainer({ ...shell("true"), labels: { heard: "" } }, (container) => container.wait());
  await listening;
  for (const action of ["create", "start", "die", "destroy"])
    assert(seen.includes(action), `${action} in ${seen}`);
});

await check("samples of what a container uses", () =>
  withContainer(sleeping, async (container) => {
    for await (const sample of container.stats()) {
      assert.equal(typeof sample.memory_stats, "object");
      break;
    }
  }),
);

await check("files in and out", () =>
  withContainer(sleeping, async (container) => {
    mkdirSync(join(folder, "in", "deep"), { recursive: true });
    writeFileSync(join(folder, "in", "a.txt"), "a");
    writeFileSync(join(folder, "in", "deep", "b.sh"), "echo b", { mode: 0o755 });
    await container.copyIn(join(folder, "in"), "/opt-in");
    await container.copyIn(join(folder, "in", "a.txt"), "/tmp/renamed.txt");
    await container.writeFiles("/opt-in", { "c.txt": "c", "more/d.bin": new Uint8Array([0, 255]) });
    const { stdout } = await container.exec([
      "sh",
      "-c",
      "cd /opt-in; find . -type f | sort; ./deep/b.sh; cat /tmp/renamed.txt",
    ]);
    assert.equal(stdout, "./a.txt\n./c.txt\n./deep/b.sh\n./more/d.bin\nb\na");
    assert.deepEqual([...(await container.readFile("/opt-in/more/d.bin"))], [0, 255]);
    await container.exec([
      "sh",
      "-c",
      "dd bs=1M count=0 seek=1024 of=/tmp/huge; dd bs=1M count=0 seek=2 of=/tmp/holes; echo end >>/tmp/holes",
    ]);
    assert.match((await rejected(container.readFile("/tmp/huge"))).message, /too large/);
    const holes = Buffer.from(await container.readFile("/tmp/holes"));
    assert.equal(holes.length, 2097152 + 4);
    assert.equal(holes.subarray(-4).toString(), "end\n");
    assert(holes.subarray(0, -4).every((byte) => byte === 0));
    await container.exec(["sh", "-c", "ln -s more/d.bin /opt-in/near; ln -s /opt-in/near /tmp/far"]);
    assert.deepEqual([...(await container.readFile("/tmp/far"))], [0, 255]);
    await container.copyOut("/opt-in/", join(folder, "out"));
    assert.equal(readFileSync(join(folder, "out", "deep", "b.sh"), "utf8"), "echo b");
    await container.copyOut("/opt-in/c.txt", join(folder, "single"));
    assert.equal(readFileSync(join(folder, "single"), "utf8"), "c");
    assert.equal((await rejected(container.readFile("/no/such"))).kind, "NotFound");
    assert.match((await rejected(container.readFile("/opt-in"))).message, /is not a regular file/);
  }),
);

await check("when a container is ready", async () => {
  const command = ["sh", "-c", "echo warming; sleep 0.2; touch /up; echo ready to serve; sleep 600"];
  const byLog = await engine.run(image, { command, waitFor: /ready/ });
  await byLog.remove();
  const Healthcheck = { Test: ["CMD", "test", "-e", "/up"], Interval: 200_000_000, Retries: 20 };
  const byHealth = await engine.run(image, { command, waitFor: "healthy", config: { Healthcheck } });
  assert.equal((await byHealth.inspect()).State.Health.Status, "healthy");
  await byHealth.remove();
  const failing = { ...shell("echo the reason; exit 1"), name: "library-failing" };
  for (const waitFor of [/ready/, "healthy"]) {
    const error = await rejected(engine.run(image, { ...failing, waitFor }));
    assert.match(
      error.message,
      waitFor === "healthy" ? /exited|no health check/ : /ended before .*\nthe reason/,
    );
    assert.equal((await rejected(engine.container("library-failing"))).kind, "NotFound");
  }
});

await check("published ports", () =>
  withContainer({ ...sleeping, ports: [80, "127.0.0.1::81", "53/udp"] }, async (container) => {
    const { host, port } = await container.port(80);
    assert(port > 0);
    assert.equal(host, "127.0.0.1");
    assert((await container.port("53/udp")).port > 0);
    assert.equal((await container.port(81)).host, "127.0.0.1");
    assert.equal((await rejected(container.port(82))).kind, "NotFound");
    assert.equal((await rejected(engine.create(image, { ports: ["x"] }))).kind, "InvalidParameter");
  }),
);

await check("networks and volumes", async () => {
  const name = "library-things";
  await engine.networks.create({ Name: name });
  await engine.volumes.create({ Name: name, Labels: { a: "b" } });
  const container = await engine.run(image, {
    ...sleeping,
    network: name,
    aliases: ["one"],
    volumes: [`${name}:/data`],
  });
  const found = await engine.networks.inspect(name);
  assert.deepEqual(Object.keys(found.Containers), [container.id]);
  assert.equal((await rejected(engine.volumes.remove(name))).kind, "Conflict");
  await container.remove();
  assert.deepEqual(
    (await engine.volumes.list({ label: ["a=b"] })).Volumes.map((each) => each.Name),
    [name],
  );
  await Promise.all([engine.networks.remove(name), engine.volumes.remove(name)]);
});

await check("images are tagged, saved and loaded", async () => {
  await engine.images.tag(image, { repo: "library-copy", tag: "1" });
  const { Id } = await engine.images.inspect("library-copy:1");
  const parts = [];
  for await (const part of await engine.images.save(["library-copy:1"])) parts.push(part);
  await engine.images.remove("library-copy:1");
  async function* tar() {
    yield* parts;
  }
  const squeezed = webStream(tar()).pipeThrough(new CompressionStream("gzip"));
  for await (const { error } of await engine.images.load(squeezed)) assert.equal(error, undefined);
  assert.equal((await engine.images.inspect("library-copy:1")).Id, Id);
  await engine.images.remove("library-copy:1");
});

await check("builds: a folder, its steps, an argument, an ignore file", async () => {
  const context = join(folder, "context");
  mkdirSync(join(context, "sub"), { recursive: true });
  const dockerfile = `FROM ${image}\nARG WHO=nobody\nCOPY . /all\nRUN echo "$WHO" >/who; find /all -type f | sort\n`;
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  writeFileSync(join(context, ".dockerignore"), "*.tmp\nDockerfile\n.dockerignore\n");
  writeFileSync(join(context, "sub", "kept"), "k");
  writeFileSync(join(context, "left.tmp"), "l");
  const seen = new Map();
  let printed = "";
  const built = await engine.builds.run({
    context,
    tags: ["library-built:1"],
    args: { WHO: process.pid.toString() },
    onProgress({ vertexes, logs }) {
      for (const { name, completed } of vertexes) seen.set(name, completed !== undefined);
      for (const { bytes } of logs) printed += new TextDecoder().decode(bytes);
    },
  });
  assert.match(built.imageId, /^sha256:[0-9a-f]{64}$/);
  assert.match(printed, /\/all\/sub\/kept\n/);
  assert.doesNotMatch(printed, /left/);
  assert(
    [...seen].some(([name, done]) => /COPY \. \/all/.test(name) && done),
    [...seen].join(" | "),
  );
  await withContainer({}, async () => {});
  const made = await engine.run("library-built:1", { command: ["cat", "/who"], pull: "never" });
  await made.wait();
  assert.equal(await (await made.logs()).text(), `${process.pid}\n`);
  await made.remove();
  await engine.images.remove("library-built:1");
});

await check("builds: in memory, a stream, a Dockerfile alone, and one that fails", async () => {
  const files = { Dockerfile: `FROM ${image}\nCOPY a/b/c /c\n`, "a/b/c": "deep" };
  assert.match((await engine.builds.run({ context: files })).imageId, /^sha256:/);
  const inline = { context: files, dockerfileInline: `FROM ${image}\nCOPY a /a\n` };
  assert.match((await engine.builds.run(inline)).imageId, /^sha256:/);
  assert.match(
    (await engine.builds.run({ dockerfileInline: `FROM ${image}\nLABEL a=b\n` })).imageId,
    /^sha256:/,
  );
  const failing = { context: { Dockerfile: `FROM ${image}\nRUN echo no; exit 9\n` } };
  const error = await rejected(engine.builds.run(failing));
  assert(error instanceof BuildError && error instanceof EngineError, String(error));
  assert.match(error.message, /exit 9/);
});

if (hasBuildKit) {
  await check("builds: secrets, contexts by name, results in a folder", async () => {
    const named = join(folder, "named");
    mkdirSync(named, { recursive: true });
    writeFileSync(join(named, "n"), "from a context by name");
    const dockerfile = `FROM ${image} AS work
RUN --mount=type=secret,id=s cat /run/secrets/s | tr a-z A-Z >/result
COPY --from=other n /named
FROM scratch
COPY --from=work /result /named /
`;
    const out = join(folder, "built");
    await engine.builds.run({
      context: { Dockerfile: dockerfile },
      contexts: { other: named },
      secrets: [{ id: "s", value: "quiet" }],
      outputs: [{ type: "local", dest: out }],
      noCache: true,
    });
    assert.equal(readFileSync(join(out, "result"), "utf8"), "QUIET");
    assert.equal(readFileSync(join(out, "named"), "utf8"), "from a context by name");
    let bytes = 0;
    const dest = new WritableStream({
      write(chunk) {
        bytes += chunk.length;
      },
    });
    await engine.builds.run({ context: { Dockerfile: `FROM ${image}\n` }, outputs: [{ type: "oci", dest }] });
    assert(bytes > 100_000);
  });

  await check("builds: what could be better", async () => {
    const warnings = await engine.builds.check({ context: { Dockerfile: `FROM ${image} as x\n` } });
    assert(
      warnings.some(({ short }) => /FromAsCasing/.test(short)),
      JSON.stringify(warnings),
    );
  });
}
