import { expect, test } from "bun:test";
import { Container } from "./container.ts";
import { Engine } from "./engine.ts";
import { FakeEngines } from "./fake-engine.suite.ts";

type Begin = (engine: Engine, signal: AbortSignal) => Promise<unknown> | AsyncIterable<unknown>;

async function* tar(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(512);
}
const container = (engine: Engine) => new Container(engine, { id: "c", name: "c", tty: false, keep: false });
const NETWORK = { Name: "n" };

/** Each public method that asks the engine for something. */
const METHODS: Readonly<Record<string, Readonly<Record<string, Begin>>>> = {
  containers: {
    list: ({ containers }, signal) => containers.list({ signal }),
    create: ({ containers }, signal) => containers.create({ Image: "x" }, { signal }),
    inspect: ({ containers }, signal) => containers.inspect("c", { signal }),
    inspectText: ({ containers }, signal) => containers.inspectText("c", { signal }),
    start: ({ containers }, signal) => containers.start("c", { signal }),
    stop: ({ containers }, signal) => containers.stop("c", { signal }),
    restart: ({ containers }, signal) => containers.restart("c", { signal }),
    kill: ({ containers }, signal) => containers.kill("c", "KILL", { signal }),
    pause: ({ containers }, signal) => containers.pause("c", { signal }),
    unpause: ({ containers }, signal) => containers.unpause("c", { signal }),
    rename: ({ containers }, signal) => containers.rename("c", "d", { signal }),
    resize: ({ containers }, signal) => containers.resize("c", 1, 1, { signal }),
    update: ({ containers }, signal) => containers.update("c", {}, { signal }),
    remove: ({ containers }, signal) => containers.remove("c", { signal }),
    watch: ({ containers }, signal) => containers.watch("c", "not-running", { signal }),
    wait: ({ containers }, signal) => containers.wait("c", "not-running", signal),
    top: ({ containers }, signal) => containers.top("c", [], { signal }),
    stats: ({ containers }, signal) => containers.stats("c", { signal }),
    logs: ({ containers }, signal) => containers.logs("c", { signal }),
    attach: ({ containers }, signal) => containers.attach("c", { tty: false, signal }),
    changes: ({ containers }, signal) => containers.changes("c", { signal }),
    export: ({ containers }, signal) => containers.export("c", { signal }),
    prune: ({ containers }, signal) => containers.prune({}, { signal }),
    statPath: ({ containers }, signal) => containers.statPath("c", "/", { signal }),
  },
  archives: {
    stat: ({ containers }, signal) => containers.archives.stat("c", "/", { signal }),
    get: ({ containers }, signal) => containers.archives.get("c", "/", { signal }),
    put: ({ containers }, signal) => containers.archives.put("c", "/", tar(), { signal }),
  },
  execs: {
    create: ({ execs }, signal) => execs.create("c", { Cmd: ["x"] }, { signal }),
    start: ({ execs }, signal) => execs.start("e", { tty: false, signal }),
    startDetached: ({ execs }, signal) => execs.startDetached("e", { signal }),
    inspect: ({ execs }, signal) => execs.inspect("e", { signal }),
    resize: ({ execs }, signal) => execs.resize("e", 1, 1, { signal }),
  },
  images: {
    list: ({ images }, signal) => images.list({ signal }),
    inspect: ({ images }, signal) => images.inspect("i", { signal }),
    inspectText: ({ images }, signal) => images.inspectText("i", { signal }),
    history: ({ images }, signal) => images.history("i", { signal }),
    tag: ({ images }, signal) => images.tag("i", { repo: "r" }, { signal }),
    remove: ({ images }, signal) => images.remove("i", { signal }),
    prune: ({ images }, signal) => images.prune({}, { signal }),
    pull: ({ images }, signal) => images.pull({ fromImage: "i" }, undefined, { signal }),
    push: ({ images }, signal) => images.push("i", {}, undefined, { signal }),
    import: ({ images }, signal) => images.import({}, tar(), { signal }),
    load: ({ images }, signal) => images.load(tar(), {}, { signal }),
    save: ({ images }, signal) => images.save(["i"], { signal }),
    commit: ({ images }, signal) => images.commit({ container: "c" }, {}, { signal }),
    search: ({ images }, signal) => images.search("i", { signal }),
    build: ({ images }, signal) => images.build({}, tar(), {}, { signal }),
  },
  builds: {
    run: ({ builds }, signal) => builds.run({ context: { Dockerfile: "FROM x" }, signal }),
    describe: ({ builds }, signal) =>
      builds.describe("outline", { context: { Dockerfile: "FROM x" }, signal }),
    prune: ({ builds }, signal) => builds.prune({ signal }),
    check: ({ builds }, signal) => builds.check({ context: { Dockerfile: "FROM x" }, signal }),
  },
  networks: {
    list: ({ networks }, signal) => networks.list({}, { signal }),
    create: ({ networks }, signal) => networks.create(NETWORK, { signal }),
    inspect: ({ networks }, signal) => networks.inspect("n", { signal }),
    inspectText: ({ networks }, signal) => networks.inspectText("n", { signal }),
    remove: ({ networks }, signal) => networks.remove("n", { signal }),
    connect: ({ networks }, signal) => networks.connect("n", "c", {}, { signal }),
    disconnect: ({ networks }, signal) => networks.disconnect("n", "c", { signal }),
    prune: ({ networks }, signal) => networks.prune({}, { signal }),
  },
  volumes: {
    list: ({ volumes }, signal) => volumes.list({}, { signal }),
    create: ({ volumes }, signal) => volumes.create(NETWORK, { signal }),
    inspect: ({ volumes }, signal) => volumes.inspect("v", { signal }),
    inspectText: ({ volumes }, signal) => volumes.inspectText("v", { signal }),
    remove: ({ volumes }, signal) => volumes.remove("v", { signal }),
    prune: ({ volumes }, signal) => volumes.prune({}, { signal }),
    export: ({ volumes }, signal) => volumes.export("v", { signal }),
    import: ({ volumes }, signal) => volumes.import("v", tar(), { signal }),
    clone: ({ volumes }, signal) => volumes.clone("v", { Name: "w" }, { signal }),
  },
  system: {
    ping: ({ system }, signal) => system.ping({ signal }),
    identity: ({ system }, signal) => system.identity({ signal }),
    version: ({ system }, signal) => system.version({ signal }),
    info: ({ system }, signal) => system.info({ signal }),
    diskUsage: ({ system }, signal) => system.diskUsage([], { signal }),
    auth: ({ system }, signal) => system.auth({}, { signal }),
    events: ({ system }, signal) => system.events({ signal }),
    eventLines: ({ system }, signal) => system.eventLines({ signal }),
    pruneBuildCache: ({ system }, signal) => system.pruneBuildCache({ signal }),
  },
  imageVersions: {
    list: ({ imageVersions }, signal) => imageVersions.list("i", { signal }),
    rollBack: ({ imageVersions }, signal) => imageVersions.rollBack("i", 1, { signal }),
    prune: ({ imageVersions }, signal) => imageVersions.prune({}, { signal }),
    diff: ({ imageVersions }, signal) => imageVersions.diff("i", "j", { signal }),
    layers: ({ imageVersions }, signal) => imageVersions.layers("i", { signal }),
    files: ({ imageVersions }, signal) => imageVersions.files("i", "1", { signal }),
  },
  manifests: {
    get: ({ manifests }, signal) => manifests.get("i", { signal }),
    pushList: ({ manifests }, signal) => manifests.pushList("i", { Manifests: [] } as never, { signal }),
  },
  engine: {
    negotiate: (engine, signal) => engine.negotiate({ signal }),
    send: (engine, signal) => engine.send({ method: "GET", path: "/x", signal }),
    json: (engine, signal) => engine.json({ method: "GET", path: "/x", signal }),
    text: (engine, signal) => engine.text({ method: "GET", path: "/x", signal }),
    request: (engine, signal) => engine.request({ method: "GET", path: "/x", signal }),
    stream: (engine, signal) => engine.stream({ method: "GET", path: "/x", signal }),
    hijack: (engine, signal) => engine.hijack({ method: "POST", path: "/x", signal }),
    container: (engine, signal) => engine.container("c", { signal }),
    pull: (engine, signal) => engine.pull("i", { config: {}, signal }),
    events: (engine, signal) => engine.events({ signal }),
  },
  handle: {
    inspect: (engine, signal) => container(engine).inspect({ signal }),
    start: (engine, signal) => container(engine).start({ signal }),
    stop: (engine, signal) => container(engine).stop({ signal }),
    restart: (engine, signal) => container(engine).restart({ signal }),
    kill: (engine, signal) => container(engine).kill("KILL", { signal }),
    pause: (engine, signal) => container(engine).pause({ signal }),
    unpause: (engine, signal) => container(engine).unpause({ signal }),
    remove: (engine, signal) => container(engine).remove({ signal }),
    wait: (engine, signal) => container(engine).wait({ signal }),
    logs: (engine, signal) => container(engine).logs({ signal }),
    attach: (engine, signal) => container(engine).attach({ signal }),
    stats: (engine, signal) => container(engine).stats({ signal }),
    exec: (engine, signal) => container(engine).exec(["x"], { signal }),
    spawn: (engine, signal) => container(engine).spawn(["x"], { signal }),
    port: (engine, signal) => container(engine).port(80, { signal }),
    copyIn: (engine, signal) => container(engine).copyIn("/etc/hostname", "/x", { signal }),
    copyOut: (engine, signal) => container(engine).copyOut("/x", "/nowhere/x", { signal }),
    writeFiles: (engine, signal) => container(engine).writeFiles("/", { a: "b" }, { signal }),
    readFile: (engine, signal) => container(engine).readFile("/x", { signal }),
    waitForHealthy: (engine, signal) => container(engine).waitForHealthy({ signal }),
    waitForLog: (engine, signal) => container(engine).waitForLog(/x/, { signal }),
  },
};

/** Those that ask nobody, or leave it to the caller what is asked. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  // Tested by themselves: they wait for what the engine may have made.
  engine: ["run", "create", "open", "trace"],
};

const enough = new Error("enough");

for (const [resource, methods] of Object.entries(METHODS)) {
  test(`every method of ${resource} can be given up`, async () => {
    const engine = new Engine("unix:///nowhere");
    const public_ = Object.entries(
      Object.getOwnPropertyDescriptors(Object.getPrototypeOf(ownerOf(engine, resource))),
    )
      .filter(([name, { value }]) => name !== "constructor" && typeof value === "function")
      .map(([name]) => name);
    const expected = public_.filter((name) => !(OTHERS[resource] ?? []).includes(name));
    expect(Object.keys(methods).sort()).toEqual(expected.sort());
    for (const [name, begin] of Object.entries(methods)) {
      expect([name, await givenUp(begin)]).toEqual([name, enough]);
    }
  });
}

/** What a call fails with that is given up when the engine has got its question, to which there is no answer. */
async function givenUp(begin: Begin): Promise<unknown> {
  using engines = new FakeEngines();
  const abort = new AbortController();
  const engine = await engines.startSilent(() => abort.abort(enough));
  return await fully(begin(engine, abort.signal)).catch((error: unknown) => error);
}

function ownerOf(engine: Engine, resource: string): object {
  if (resource === "engine") return engine;
  if (resource === "archives") return engine.containers.archives;
  if (resource === "handle") return container(engine);
  return engine[resource as "containers"];
}

async function fully(begun: Promise<unknown> | AsyncIterable<unknown>): Promise<unknown> {
  if (!(Symbol.asyncIterator in begun)) return begun;
  for await (const _ of begun) return "an answer";
  return "an end";
}
