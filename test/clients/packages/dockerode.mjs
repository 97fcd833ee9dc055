// What programs do with dockerode. DOCKER_HOST, as its users set it, tells which engine; IMAGE a small image that is there, and
// REGISTRY the address of a registry that knows `user` with the password `secret`.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import Docker from "dockerode";
import tar from "tar-stream";
import { collect, follow, statusOf, textOf } from "./streams.mjs";

const docker = new Docker();
const { IMAGE, REGISTRY } = process.env;
const auth = { username: "user", password: "secret", serveraddress: REGISTRY };
const created = [];
const sleeper = { Image: IMAGE, Cmd: ["sleep", "600"], HostConfig: { Init: true } };

/** A container that is gone when the program ends. */
async function make(options) {
  const container = await docker.createContainer({ Image: IMAGE, ...options });
  created.push(container);
  return container;
}

async function started(options = sleeper) {
  const container = await make(options);
  await container.start();
  return container;
}

function archive(files) {
  const pack = tar.pack();
  for (const [name, content] of Object.entries(files)) pack.entry({ name }, content);
  pack.finalize();
  return pack;
}

after(() =>
  Promise.all(created.map((container) => container.remove({ force: true, v: true }).catch(() => {}))),
);

test("ping, version and info", async () => {
  assert.equal((await docker.ping()).toString(), "OK");
  const version = await docker.version();
  assert.equal(version.Os, "linux");
  assert.match(version.ApiVersion, /^1\.\d+$/);
  const info = await docker.info();
  assert.ok(info.Images >= 1);
  const usage = await docker.df();
  assert.ok(Array.isArray(usage.Images));
});

test("run with its output apart", async () => {
  const [stdout, stderr] = [collect(), collect()];
  const [result, container] = await docker.run(
    IMAGE,
    ["sh", "-c", "echo to stdout; echo to stderr >&2; exit 3"],
    [stdout, stderr],
    { Tty: false },
  );
  created.push(container);
  assert.equal(result.StatusCode, 3);
  assert.equal(stdout.text(), "to stdout\n");
  assert.equal(stderr.text(), "to stderr\n");
});

test("run with a terminal", async () => {
  const output = collect();
  const [{ StatusCode }, container] = await docker.run(IMAGE, ["sh", "-c", "tty; echo done"], output);
  created.push(container);
  assert.equal(StatusCode, 0);
  assert.equal(output.text(), "/dev/pts/0\r\ndone\r\n");
});

test("run by callback, with the events of its life", async () => {
  const output = collect();
  const seen = [];
  const [error, data, container] = await new Promise((resolve) => {
    const hub = docker.run(IMAGE, ["echo", "hello"], output, {}, (...result) => resolve(result));
    for (const name of ["container", "stream", "start", "data"]) hub.on(name, () => seen.push(name));
  });
  created.push(container);
  assert.equal(error, null);
  assert.equal(data.StatusCode, 0);
  assert.equal(output.text(), "hello\r\n");
  assert.deepEqual(seen.sort(), ["container", "data", "start", "stream"]);
});

test("attach by an upgraded connection, whose end is the end of the input", async () => {
  const container = await make({
    Cmd: ["sh", "-c", "wc -c; echo bye >&2"],
    OpenStdin: true,
    StdinOnce: true,
  });
  const stream = await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  });
  const [stdout, stderr] = [collect(), collect()];
  docker.modem.demuxStream(stream, stdout, stderr);
  await container.start();
  const ended = new Promise((resolve) => stream.on("end", resolve));
  stream.write(Buffer.alloc(1_000_000, "x"));
  stream.end();
  await ended;
  assert.equal((await container.wait()).StatusCode, 0);
  assert.equal(stdout.text().trim(), "1000000");
  assert.equal(stderr.text(), "bye\n");
});

test("attach without an upgrade, reading only", async () => {
  const container = await make({ Cmd: ["sh", "-c", "seq 1 1000; echo last >&2"] });
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const [stdout, stderr] = [collect(), collect()];
  docker.modem.demuxStream(stream, stdout, stderr);
  const ended = new Promise((resolve) => stream.on("end", resolve));
  await container.start();
  await ended;
  assert.equal(stdout.text().split("\n").length, 1001);
  assert.equal(stderr.text(), "last\n");
});

test("attach to a terminal, resize it and detach by keys", async () => {
  const container = await make({ Cmd: ["sh"], Tty: true, OpenStdin: true });
  const stream = await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    hijack: true,
    detachKeys: "ctrl-x",
  });
  const output = collect();
  stream.pipe(output);
  await container.start();
  await container.resize({ h: 33, w: 111 });
  stream.write("stty size; echo mark$((40+2))\n");
  await output.until(/mark42/);
  assert.match(output.text(), /33 111\r\n/);
  const ended = new Promise((resolve) => stream.on("close", resolve));
  stream.write("\x18");
  await ended;
  assert.equal((await container.inspect()).State.Running, true);
});

test("exec with input and output apart", async () => {
  const container = await started();
  const exec = await container.exec({
    Cmd: ["sh", "-c", "cat; pwd; echo $WORD >&2; exit 7"],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Env: ["WORD=word"],
    WorkingDir: "/tmp",
    User: "nobody",
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const [stdout, stderr] = [collect(), collect()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.end("input\n");
  await new Promise((resolve) => stream.on("end", resolve));
  assert.equal(stdout.text(), "input\n/tmp\n");
  assert.equal(stderr.text(), "word\n");
  const ended = await exec.inspect();
  assert.equal(ended.Running, false);
  assert.equal(ended.ExitCode, 7);
});

test("exec with a terminal, exec detached", async () => {
  const container = await started();
  const exec = await container.exec({
    Cmd: ["sh", "-c", "tty; read line; stty size"],
    AttachStdin: true,
    AttachStdout: true,
    Tty: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
  const output = collect();
  stream.pipe(output);
  await output.until(/^\/dev\/pts\/\d+\r\n/);
  await exec.resize({ h: 20, w: 60 });
  stream.write("go\n");
  await new Promise((resolve) => stream.on("end", resolve));
  assert.match(output.text(), /go\r\n20 60\r\n$/);
  const quiet = await container.exec({ Cmd: ["touch", "/tmp/made"] });
  (await quiet.start({ Detach: true })).resume();
  for (let attempt = 0; attempt < 100 && (await quiet.inspect()).Running; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const stat = await container.infoArchive({ path: "/tmp/made" });
  assert.equal(stat.statusCode, 200);
  // An answer that is not read to its end keeps the program alive.
  stat.resume();
});

test("logs whole, their tail and followed", async () => {
  const container = await started({
    Image: IMAGE,
    Cmd: ["sh", "-c", "seq 1 5; sleep 0.3; echo six; exit 0"],
  });
  const followed = await container.logs({ follow: true, stdout: true, stderr: true });
  const output = collect();
  container.modem.demuxStream(followed, output, output);
  await new Promise((resolve) => followed.on("end", resolve));
  assert.equal(output.text(), "1\n2\n3\n4\n5\nsix\n");
  const tail = await container.logs({ stdout: true, tail: 1 });
  assert.ok(Buffer.isBuffer(tail));
  assert.deepEqual([...tail], [1, 0, 0, 0, 0, 0, 0, 4, ...Buffer.from("six\n")]);
  const stamped = await container.logs({
    stdout: true,
    timestamps: true,
    tail: 1,
    until: Math.ceil(Date.now() / 1000),
  });
  assert.match(stamped.subarray(8).toString(), /^\d{4}-\d\d-\d\dT[\d:.]+Z six\n$/);
  const none = await container.logs({ stdout: true, since: Math.ceil(Date.now() / 1000) + 100 });
  assert.equal(none.length, 0);
});

test("stats once and streamed", async () => {
  const container = await started();
  const once = await container.stats({ stream: false });
  assert.equal(once.id, container.id);
  assert.ok(once.memory_stats.usage > 0);
  assert.ok(once.pids_stats.current >= 1);
  const stream = await container.stats();
  const first = await new Promise((resolve) => stream.once("data", resolve));
  assert.equal(JSON.parse(first).name, once.name);
  stream.destroy();
});

test("events with filters, live and past", async () => {
  const since = Math.floor(Date.now() / 1000);
  const live = await docker.getEvents({ filters: { type: ["container"], label: ["watched=yes"] } });
  const seen = [];
  const died = new Promise((resolve) => {
    follow(live, (event) => {
      seen.push(event.Action);
      if (event.Action === "die") resolve(event);
    });
  });
  const other = await started({ Image: IMAGE, Cmd: ["true"] });
  await other.wait();
  const container = await started({ Image: IMAGE, Cmd: ["sh", "-c", "exit 5"], Labels: { watched: "yes" } });
  const event = await died;
  live.destroy();
  assert.deepEqual(seen, ["create", "start", "die"]);
  assert.equal(event.Actor.ID, container.id);
  assert.equal(event.Actor.Attributes.exitCode, "5");
  const past = await docker.getEvents({
    since,
    until: Math.ceil(Date.now() / 1000) + 1,
    filters: JSON.stringify({ container: [container.id], event: ["die"] }),
  });
  const lines = (await textOf(past)).trim().split("\n");
  assert.equal(lines.length, 1);
  assert.equal(JSON.parse(lines[0]).status, "die");
});

test("build from an archive, with arguments, labels and the progress of each step", async () => {
  const dockerfile = `FROM ${IMAGE}\nARG WHO\nCOPY file /file\nRUN echo "built for $WHO" && cat /file\nCMD ["cat", "/file"]\n`;
  const stream = await docker.buildImage(archive({ Dockerfile: dockerfile, file: "content\n" }), {
    t: "dockerode:built",
    buildargs: { WHO: "you" },
    labels: { made: "by dockerode" },
  });
  const shown = [];
  const output = await new Promise((resolve, reject) =>
    docker.modem.followProgress(
      stream,
      (error, all) => (error ? reject(error) : resolve(all)),
      (line) => shown.push(line),
    ),
  );
  assert.deepEqual(output, shown);
  const text = shown.map((line) => line.stream ?? "").join("");
  assert.match(text, /^Step 1\/[56] : FROM /);
  assert.match(text, /built for you\ncontent\n/);
  assert.match(text, /Successfully tagged dockerode:built\n$/);
  assert.match(shown.find((line) => line.aux)?.aux.ID, /^sha256:[0-9a-f]{64}$/);
  const image = await docker.getImage("dockerode:built").inspect();
  assert.equal(image.Config.Labels.made, "by dockerode");
  const history = await docker.getImage("dockerode:built").history();
  assert.ok(history.some(({ CreatedBy }) => CreatedBy.includes('CMD ["cat" "/file"]')));
});

test("a build that fails says so in its stream", async () => {
  const stream = await docker.buildImage(archive({ Dockerfile: `FROM ${IMAGE}\nRUN exit 9\n` }), {});
  const last = (await textOf(stream)).trim().split("\n").at(-1);
  const { error, errorDetail } = JSON.parse(last);
  assert.match(error, /returned a non-zero code: 9$/);
  assert.deepEqual(errorDetail, { code: 9, message: error });
});

test("build of a folder's files", async () => {
  // It is no Dockerfile, which shows that the files have come.
  const refused = await docker
    .buildImage(
      { context: new URL(".", import.meta.url).pathname, src: ["streams.mjs", "package.json"] },
      { t: "dockerode:folder", dockerfile: "package.json" },
    )
    .catch((error) => error);
  assert.equal(refused.statusCode, 400);
  assert.match(refused.message, /dockerfile parse error (on )?line 1: unknown instruction: \{/);
});

test("build by BuildKit's protocol, decoded by dockerode", async () => {
  const dockerfile = `FROM ${IMAGE}\nRUN echo "said in the build" && echo x > /made\n`;
  const stream = await docker.buildImage(archive({ Dockerfile: dockerfile }), {
    t: "dockerode:two",
    version: "2",
    nocache: true,
  });
  const lines = [];
  await new Promise((resolve, reject) =>
    docker.followProgress(
      stream,
      (error) => (error ? reject(error) : resolve()),
      (event) => lines.push(event),
    ),
  );
  const text = lines.map((line) => line.stream ?? JSON.stringify(line)).join("\n");
  assert.match(text, /said in the build/);
  const made = await docker.createContainer({ Image: "dockerode:two", Cmd: ["cat", "/made"] });
  created.push(made);
});

test("a build by BuildKit's protocol that fails says where", async () => {
  const dockerfile = `FROM ${IMAGE}\nRUN echo before >&2; exit 3\n`;
  const stream = await docker.buildImage(archive({ Dockerfile: dockerfile }), {
    version: "2",
    nocache: true,
  });
  const lines = await follow(stream);
  const { error, errorDetail } = lines.at(-1);
  assert.match(error, /exit 3.*exit code: 3/);
  assert.equal(errorDetail.message, error);
});

test("archives into and out of a container", async () => {
  const container = await make({ Cmd: ["true"] });
  await container.putArchive(archive({ "deep/file.txt": "in a folder", "other.txt": "other" }), {
    path: "/tmp",
  });
  const stream = await container.getArchive({ path: "/tmp/deep" });
  const names = [];
  const extract = tar.extract();
  stream.pipe(extract);
  for await (const entry of extract) {
    names.push(entry.header.name);
    if (entry.header.name === "deep/file.txt") assert.equal(await textOf(entry), "in a folder");
    else entry.resume();
  }
  assert.deepEqual(names, ["deep/", "deep/file.txt"]);
  const stat = await container.infoArchive({ path: "/tmp/other.txt" });
  const header = JSON.parse(Buffer.from(stat.headers["x-docker-container-path-stat"], "base64").toString());
  assert.equal(header.size, 5);
  stat.resume();
  assert.equal(await statusOf(container.getArchive({ path: "/nowhere" })), 404);
  assert.equal(await statusOf(container.putArchive(archive({ a: "b" }), { path: "/nowhere" })), 404);
  const changes = await container.changes();
  assert.ok(changes.some(({ Path, Kind }) => Path === "/tmp/deep" && Kind === 1));
});

test("a container's whole life, and its list", async () => {
  const container = await make({ ...sleeper, name: "dockerode-life", Labels: { life: "1" } });
  await container.start();
  await container.pause();
  assert.equal((await container.inspect()).State.Paused, true);
  await container.unpause();
  await container.rename({ name: "dockerode-renamed" });
  await container.update({ Memory: 64 << 20, MemorySwap: -1 });
  assert.equal((await container.inspect()).HostConfig.Memory, 64 << 20);
  assert.ok((await container.top({ ps_args: "-ef" })).Processes.length >= 1);
  await container.restart({ t: 0 });
  const listed = await docker.listContainers({ filters: { label: ["life=1"], status: ["running"] } });
  assert.deepEqual(
    listed.map(({ Names }) => Names),
    [["/dockerode-renamed"]],
  );
  await container.kill({ signal: "SIGKILL" });
  assert.equal((await container.wait()).StatusCode, 137);
  assert.equal((await docker.listContainers({ filters: { label: ["life=1"] } })).length, 0);
  await container.remove();
  assert.equal(await statusOf(container.inspect()), 404);
});

test("commit, export, import, save and load", async () => {
  const container = await make({ Cmd: ["sh", "-c", "echo kept > /kept"] });
  await container.start();
  await container.wait();
  const { Id } = await container.commit({
    repo: "dockerode",
    tag: "kept",
    comment: "by a test",
    changes: 'CMD ["cat","/kept"]',
  });
  assert.match(Id, /^sha256:/);
  const kept = collect();
  const [, again] = await docker.run("dockerode:kept", [], kept, { Tty: false });
  created.push(again);
  assert.equal(kept.text().slice(8), "kept\n");
  const exported = await container.export();
  const imported = await docker.importImage(exported, { repo: "dockerode", tag: "imported" });
  assert.match(await textOf(imported), /"status":"sha256:/);
  const saved = await docker.getImage("dockerode:kept").get();
  const chunks = [];
  for await (const chunk of saved) chunks.push(chunk);
  await docker.getImage("dockerode:kept").remove({ force: true });
  const loaded = await docker.loadImage(Buffer.concat(chunks));
  assert.match(await textOf(loaded), /Loaded image: dockerode:kept/);
});

test("networks", async () => {
  const network = await docker.createNetwork({ Name: "dockerode-net", Labels: { a: "b" } });
  try {
    const container = await started();
    await network.connect({ Container: container.id, EndpointConfig: { Aliases: ["alias"] } });
    const inspected = await network.inspect();
    assert.deepEqual(Object.keys(inspected.Containers), [container.id]);
    assert.ok(
      (await container.inspect()).NetworkSettings.Networks["dockerode-net"].Aliases.includes("alias"),
    );
    assert.equal(await statusOf(network.remove()), 403);
    await network.disconnect({ Container: container.id, Force: true });
    assert.deepEqual(
      (await docker.listNetworks({ filters: { label: ["a=b"] } })).map(({ Name }) => Name),
      ["dockerode-net"],
    );
  } finally {
    await network.remove();
  }
  assert.equal(await statusOf(network.inspect()), 404);
  await docker.createNetwork({ Name: "dockerode-unused" });
  const pruned = await docker.pruneNetworks();
  assert.deepEqual(pruned.NetworksDeleted, ["dockerode-unused"]);
});

test("volumes", async () => {
  const volume = await docker.createVolume({ Name: "dockerode-volume", Labels: { a: "b" } });
  const { name } = await docker.getVolume(volume.Name ?? volume.name);
  assert.equal(name, "dockerode-volume");
  const container = await make({
    Cmd: ["sh", "-c", "echo x > /data/file"],
    HostConfig: { Binds: ["dockerode-volume:/data"] },
  });
  await container.start();
  await container.wait();
  const handle = docker.getVolume("dockerode-volume");
  assert.equal((await handle.inspect()).Labels.a, "b");
  assert.equal(await statusOf(handle.remove()), 409);
  await container.remove();
  const { Volumes } = await docker.listVolumes({ filters: { label: ["a=b"] } });
  assert.equal(Volumes.length, 1);
  await handle.remove();
  assert.equal(await statusOf(handle.inspect()), 404);
  await docker.createVolume({});
  const pruned = await docker.pruneVolumes();
  assert.equal(pruned.VolumesDeleted.length, 1);
});

test("push, pull and search a registry that wants a password", async () => {
  const name = `${REGISTRY}/team/app`;
  await docker.getImage(IMAGE).tag({ repo: name, tag: "1" });
  const image = docker.getImage(`${name}:1`);
  const refused = await textOf(
    await image.push({ authconfig: { ...auth, password: "wrong" } }).catch((error) => [`"error":${error}`]),
  );
  assert.match(refused, /"error":.*(unauthorized|denied|authentication required|no basic auth)/i);
  const pushed = await follow(await image.push({ authconfig: auth }));
  assert.match(pushed.find((line) => line.aux)?.aux.Digest, /^sha256:/);
  await image.remove();
  const pulled = await follow(await docker.pull(`${name}:1`, { authconfig: auth }));
  assert.match(pulled.at(-1).status, /Downloaded newer image|Image is up to date/);
  const { RepoDigests } = await image.inspect();
  assert.match(RepoDigests[0], new RegExp(`^${name}@sha256:`));
  const about = await image.distribution({ authconfig: auth }).catch((error) => error);
  assert.ok(about.Descriptor?.digest ?? about.statusCode);
  const error = await docker.pull(`${name}:none`, { authconfig: auth }).then(textOf, (failure) => failure);
  assert.match(String(error.message ?? error), /manifest unknown|not found/);
});

test("checkAuth", async () => {
  const good = await docker.checkAuth(auth);
  assert.equal(good.Status, "Login Succeeded");
  const bad = await docker.checkAuth({ ...auth, password: "wrong" }).catch((error) => error);
  assert.ok([401, 500].includes(bad.statusCode), `status ${bad.statusCode}`);
});

test("prune of containers and images", async () => {
  const container = await docker.createContainer({ Image: IMAGE, Cmd: ["true"], Labels: { prune: "me" } });
  const { ContainersDeleted } = await docker.pruneContainers({ filters: { label: ["prune=me"] } });
  assert.deepEqual(ContainersDeleted, [container.id]);
  const build = await docker.buildImage(archive({ Dockerfile: `FROM ${IMAGE}\nLABEL prune=me\n` }), {});
  await textOf(build);
  const { ImagesDeleted } = await docker.pruneImages({
    filters: { dangling: ["true"], label: ["prune=me"] },
  });
  assert.equal(ImagesDeleted.filter(({ Deleted }) => Deleted).length >= 1, true);
});

test("errors carry the status and the reason", async () => {
  const missing = await docker
    .getContainer("nobody")
    .start()
    .catch((error) => error);
  assert.equal(missing.statusCode, 404);
  assert.equal(missing.reason, "no such container");
  assert.equal(missing.json.message, "No such container: nobody");
  assert.equal(missing.message, "(HTTP code 404) no such container - No such container: nobody ");
  const noImage = await docker.createContainer({ Image: "not:there" }).catch((error) => error);
  assert.equal(noImage.statusCode, 404);
  assert.match(noImage.json.message, /No such image: not:there/);
  const container = await started({ ...sleeper, name: "dockerode-conflict" });
  const conflict = await docker
    .createContainer({ Image: IMAGE, name: "dockerode-conflict" })
    .catch((error) => error);
  assert.equal(conflict.statusCode, 409);
  assert.match(
    conflict.json.message,
    /^Conflict. The container name "\/dockerode-conflict" is already in use/,
  );
  const running = await container.remove().catch((error) => error);
  assert.equal(running.statusCode, 409);
  const twice = await container.start().catch((error) => error);
  assert.equal(twice.statusCode, 304);
  assert.equal(twice.reason, "container already started");
  const badCommand = await (await make({ Cmd: ["/no/such/program"] })).start().catch((error) => error);
  assert.equal(badCommand.statusCode, 400);
  const bad = await docker
    .createContainer({ Image: IMAGE, HostConfig: { Memory: 1 } })
    .catch((error) => error);
  assert.equal(bad.statusCode, 400);
  assert.equal(bad.reason, "bad parameter");
});

test("swarm answers in Docker's words", async () => {
  for (const ask of ["listServices", "listNodes", "swarmInspect", "listSecrets", "listTasks"]) {
    const error = await docker[ask]().catch((failure) => failure);
    assert.equal(error.statusCode, 503);
    assert.match(error.json.message, /^This node is not a swarm manager\./);
  }
});

test("a signal ends what would go on", async () => {
  const container = await started();
  const controller = new AbortController();
  const waiting = container.wait({ abortSignal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(waiting, { name: "AbortError" });
  assert.equal((await container.inspect()).State.Running, true);
});

test("an older version by its prefix, a modem's own dial", async () => {
  const old = new Docker({ version: "v1.30" });
  assert.ok(Array.isArray(await old.listContainers()));
  const tooNew = await new Docker({ version: "v9.99" }).listContainers().catch((error) => error);
  assert.equal(tooNew.statusCode, 400);
  assert.match(tooNew.json.message, /client version 9\.99 is too new\. Maximum supported API version is /);
  const dialled = await new Promise((resolve, reject) =>
    docker.modem.dial(
      { path: "/containers/json?", method: "GET", options: { all: true }, statusCodes: { 200: true } },
      (error, data) => (error ? reject(error) : resolve(data)),
    ),
  );
  assert.ok(Array.isArray(dialled));
});
