import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Container } from "./container.ts";
import { Engine } from "./engine.ts";
import { type Asked, FakeEngines, refuse } from "./fake-engine.suite.ts";
import { presentEndpoint } from "./known-sockets.ts";
import type { CreateOptions } from "./run-options.ts";

let engines: FakeEngines;
beforeEach(() => {
  engines = new FakeEngines();
});
afterEach(() => engines[Symbol.dispose]());

const ID = "c".repeat(64);

/** What the engine is asked to make. */
async function requested(options: CreateOptions): Promise<Record<string, unknown>> {
  let body = "";
  const engine = await engines.start((asked) => {
    body = asked.body;
    return { Id: ID, Warnings: [] };
  });
  await engine.create("app", { name: "web", ...options });
  return JSON.parse(body);
}

test("options become what the API calls them", async () => {
  expect(await requested({})).toEqual({ Image: "app", HostConfig: {} });
  expect(
    await requested({
      command: ["serve"],
      entrypoint: ["/bin/sh"],
      env: { A: "b=c" },
      labels: { team: "web" },
      ports: [80, "8080:81", "127.0.0.1:9:53/udp", "[::1]::82"],
      volumes: ["data:/data"],
      network: "back",
      aliases: ["api"],
      stdin: true,
      config: { Env: ["X=y"], StopSignal: "SIGINT", HostConfig: { Binds: ["/a:/b"] } },
      hostConfig: { Memory: 1 },
    }),
  ).toEqual({
    Image: "app",
    Cmd: ["serve"],
    Entrypoint: ["/bin/sh"],
    Env: ["X=y", "A=b=c"],
    Labels: { team: "web" },
    StopSignal: "SIGINT",
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    ExposedPorts: { "80/tcp": {}, "81/tcp": {}, "53/udp": {}, "82/tcp": {} },
    NetworkingConfig: { EndpointsConfig: { back: { Aliases: ["api"] } } },
    HostConfig: {
      Memory: 1,
      NetworkMode: "back",
      Binds: ["/a:/b", "data:/data"],
      PortBindings: {
        "80/tcp": [{ HostIp: "", HostPort: "" }],
        "81/tcp": [{ HostIp: "", HostPort: "8080" }],
        "53/udp": [{ HostIp: "127.0.0.1", HostPort: "9" }],
        "82/tcp": [{ HostIp: "::1", HostPort: "" }],
      },
    },
  });
  await expect(requested({ ports: ["80:x"] })).rejects.toThrow("invalid port: 80:x");
});

/** An engine that has an image only after it was pulled. */
async function withRegistry(): Promise<{ engine: Engine; asked: Asked[] }> {
  const asked: Asked[] = [];
  let isThere = false;
  const engine = await engines.start((request, response) => {
    asked.push(request);
    if (request.path === "/images/create") {
      isThere = true;
      return { status: "Pulling" };
    }
    if (request.path !== "/containers/create" || isThere) return { Id: ID, Name: "/web", Config: {} };
    return refuse(response, 404, "No such image: x");
  });
  return { engine, asked };
}

test("an image that is missing is pulled, one tag of it", async () => {
  const { engine, asked } = await withRegistry();
  const seen: unknown[] = [];
  const container = await engine.create("registry:5000/app", { onPull: (message) => seen.push(message) });
  expect([container.id, container.name]).toEqual([ID, "web"]);
  expect(seen).toEqual([{ status: "Pulling" }]);
  const pull = asked.find(({ path }) => path === "/images/create");
  expect(Object.fromEntries(pull!.query)).toEqual({ fromImage: "registry:5000/app", tag: "latest" });
});

test("an image that shall not be pulled is not", async () => {
  const { engine, asked } = await withRegistry();
  await expect(engine.create("app", { pull: "never" })).rejects.toMatchObject({ kind: "NotFound" });
  expect(asked.map(({ path }) => path)).toEqual(["/containers/create"]);
});

test("credentials of the image's registry go with a pull, in base64url with its padding", async () => {
  const { engine, asked } = await withRegistry();
  const auth = Buffer.from("me:pass").toString("base64");
  await engine.pull("registry:5000/app:1@sha256:0", { config: { auths: { "registry:5000": { auth } } } });
  const header = String(asked[0]!.headers["x-registry-auth"]);
  expect(header.length % 4).toBe(0);
  expect(JSON.parse(Buffer.from(header, "base64url").toString())).toMatchObject({
    username: "me",
    password: "pass",
  });
  expect(asked[0]!.query.get("fromImage")).toBe("registry:5000/app:1@sha256:0");
});

test("what a registry refuses is the pull's failure", async () => {
  const engine = await engines.start(() => ({ errorDetail: { message: "denied" }, error: "denied" }));
  await expect(engine.pull("app")).rejects.toMatchObject({ name: "EngineError", message: "denied" });
});

test("a container that is made after its caller has gone is removed", async () => {
  const abort = new AbortController();
  const removed = Promise.withResolvers<string>();
  const engine = await engines.start((asked) => {
    if (asked.method === "DELETE") {
      removed.resolve(`${asked.path} ${asked.query.get("force")}`);
      return {};
    }
    abort.abort(new Error("enough"));
    return { Id: ID };
  });
  await expect(engine.run("app", { name: "x", signal: abort.signal })).rejects.toThrow("enough");
  expect(await removed.promise).toBe(`/containers/${ID} 1`);
});

test("a container that does not start is removed, and the reason is told", async () => {
  const asked: string[] = [];
  const engine = await engines.start(({ method, path }, response) => {
    asked.push(`${method} ${path}`);
    return path.endsWith("/start") ? refuse(response, 500, "port is taken") : { Id: ID };
  });
  await expect(engine.run("app", { name: "x", keep: true })).rejects.toThrow("port is taken");
  expect(asked.at(-1)).toBe(`DELETE /containers/${ID}`);
});

test("a port of an engine elsewhere is reached by that machine's name", async () => {
  const ports = { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "49153" }], "81/tcp": null };
  const inspect = async () => ({ NetworkSettings: { Ports: ports } });
  const at = (engine: Engine) => {
    const container = new Container(engine, { id: ID, name: "web", tty: false, keep: true });
    container.inspect = inspect as never;
    return container;
  };
  expect(await at(new Engine("tcp://far.example:2375")).port(80)).toEqual({
    host: "far.example",
    port: 49153,
  });
  expect(await at(new Engine("unix:///x")).port("80/tcp")).toEqual({ host: "127.0.0.1", port: 49153 });
  await expect(at(new Engine("unix:///x")).port(81)).rejects.toMatchObject({ kind: "NotFound" });
});

test("the first of the usual sockets that is there is taken, unless somebody named one", async () => {
  const runtime = join(engines.folder, "run");
  const path = join(runtime, "podman", "podman.sock");
  mkdirSync(join(runtime, "podman"), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  try {
    const endpoint = { kind: "unix", path: "/var/run/berth.sock" } as const;
    const env = { XDG_RUNTIME_DIR: runtime };
    const found = async (by: string) => await presentEndpoint({ endpoint, by, context: "default" }, env);
    for (const by of ["-H", "BERTH_HOST", "DOCKER_HOST"]) expect(await found(by)).toBe(endpoint);
    const taken = await found("default address");
    // This machine may have an engine of its own at one of the places that come first.
    expect([path, "/var/run/berth.sock", "/var/run/docker.sock"]).toContain((taken as { path: string }).path);
  } finally {
    server.close();
  }
});
