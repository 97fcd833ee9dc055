// What the engine really answers, against Docker's description of its API and against berth's own.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { IMAGE, startEngine, type TestEngine } from "../support/engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { ALLOWED, NOT_ASKED } from "./allowed.ts";
import { contentShape, type OpenApiDocument, ownTypes } from "./own.ts";
import { OUTSIDE_TAGS, readReference } from "./reference.ts";
import { compare, type Findings, isNamed, type Shape, type Types } from "./shape.ts";
import { UNSERVED } from "./unserved.ts";

setDefaultTimeout(120_000);

const reference = readReference();
let engine: TestEngine;
let registry: TestRegistry;
let document: OpenApiDocument;
/** Operation → differences between its answers and the description. */
const fromDocker = new Map<string, Set<string>>();
const fromOwn = new Map<string, Set<string>>();
/** Fields of Docker's description that some answer had. */
const seen = new Set<string>();

beforeAll(async () => {
  [engine, registry] = await Promise.all([startEngine(), startRegistry()]);
  document = (await (await engine.api("GET", "/openapi.json")).json()) as OpenApiDocument;
  await exercise();
});

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

interface Asked {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly tar?: Uint8Array;
  /** The answer is objects of JSON, one a line. */
  readonly lines?: boolean;
  readonly status?: number;
}

/** Asks for an operation, `GET /images/{name}/json`, and notes how its answer differs from the descriptions. */
async function ask(operation: string, names: readonly string[], asked: Asked = {}): Promise<unknown> {
  const [method, template] = operation.split(" ") as [string, string];
  const rest = [...names];
  const path = template.replaceAll(/\{\w+\}/g, () => rest.shift()!);
  const query = new URLSearchParams(asked.query).toString();
  const url = query === "" ? path : `${path}?${query}`;
  const answer =
    asked.tar === undefined
      ? await engine.api(method, url, asked.body)
      : await fetch(`http://localhost${url}`, { unix: engine.socket, method, body: asked.tar });
  const text = await answer.text();
  const status = asked.status ?? 200;
  expect([operation, answer.status, answer.status === status ? "" : text]).toEqual([operation, status, ""]);
  const values = asked.lines ? text.trim().split("\n") : [text];
  const parsed = values.map((value) => (value === "" ? undefined : (JSON.parse(value) as unknown)));
  const theirs = reference.operations.find((one) => `${one.method} ${one.path}` === operation);
  const ours = document.paths[template]?.[method.toLowerCase()]?.responses[status];
  for (const value of parsed) {
    note(fromDocker, operation, theirs?.answers?.[status], value, reference.types);
    note(fromOwn, operation, contentShape(ours?.content), value, ownTypes(document));
  }
  return parsed[0];
}

function note(
  into: Map<string, Set<string>>,
  operation: string,
  shape: Shape | null | undefined,
  value: unknown,
  types: Types,
): void {
  const differences = into.get(operation) ?? new Set<string>();
  into.set(operation, differences);
  const findings: Findings = { differences, seen: into === fromDocker ? seen : new Set() };
  if (shape != null) compare(operation, shape, value, types, findings);
  else if (value !== undefined && into === fromOwn) differences.add(".: is not described");
}

const CONTAINER = {
  Image: IMAGE,
  Cmd: ["sh", "-c", "echo out; echo err >&2; echo x > /tmp/file; sleep 1000"],
  Env: ["A=b"],
  Labels: { shape: "yes" },
  ExposedPorts: { "80/tcp": {}, "81/udp": {} },
  Volumes: { "/anonymous": {} },
  StopSignal: "SIGKILL",
  Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000_000, StartInterval: 100_000_000 },
  HostConfig: {
    Binds: ["shape:/data:ro", "/tmp:/host"],
    Mounts: [{ Type: "tmpfs", Target: "/scratch", TmpfsOptions: { SizeBytes: 65536 } }],
    PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1" }] },
    Memory: 64 * 1024 * 1024,
    RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
    LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
    ExtraHosts: ["other:127.0.0.2"],
    Tmpfs: { "/run": "" },
    Sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" },
    Annotations: { a: "b" },
    NetworkMode: "shape",
  },
  NetworkingConfig: { EndpointsConfig: { shape: { Aliases: ["also"], DriverOpts: { a: "b" } } } },
};

/** Of all that can be said of a container without starting it. */
const DETAILED = {
  Image: IMAGE,
  Entrypoint: ["sh"],
  Shell: ["/bin/sh", "-c"],
  OnBuild: ["RUN true"],
  StopTimeout: 3,
  Healthcheck: { Test: ["CMD", "true"], Timeout: 1e9, Retries: 2, StartPeriod: 1e9 },
  HostConfig: {
    BlkioDeviceReadBps: [{ Path: "/dev/null", Rate: 1024 }],
    Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/other", CgroupPermissions: "r" }],
    DeviceCgroupRules: ["c 1:3 r"],
    Init: true,
    PidsLimit: 100,
    CapAdd: ["NET_ADMIN"],
    CapDrop: ["MKNOD"],
    GroupAdd: ["daemon"],
    SecurityOpt: ["no-new-privileges"],
    VolumesFrom: ["shape"],
    Mounts: [
      {
        Type: "bind",
        Source: "/tmp",
        Target: "/a",
        ReadOnly: true,
        BindOptions: { Propagation: "rprivate" },
      },
      { Type: "volume", Source: "shape", Target: "/b", VolumeOptions: { NoCopy: true, Subpath: "" } },
      { Type: "tmpfs", Target: "/c", TmpfsOptions: { Mode: 0o700, Options: [["noexec"]] } },
      { Type: "image", Source: IMAGE, Target: "/d", ImageOptions: { Subpath: "etc" } },
    ],
  },
  NetworkingConfig: { EndpointsConfig: { bridge: { DriverOpts: { a: "b" } } } },
};

/** Everything once, in an order in which there is something to see. */
async function exercise(): Promise<void> {
  await ask("POST /volumes/create", [], { body: { Name: "shape", Labels: { a: "b" } }, status: 201 });
  await ask("POST /networks/create", [], { body: { Name: "shape", Attachable: true }, status: 201 });
  const created = await ask("POST /containers/create", [], {
    query: { name: "shape" },
    body: CONTAINER,
    status: 201,
  });
  const { Id: id } = created as { Id: string };
  await ask("GET /containers/{id}/json", [id]);
  await ask("POST /containers/{id}/start", [id], { status: 204 });
  await healthy(id);
  await askOfContainer(id);
  await askOfImages(id);
  await ask("GET /volumes", []);
  await ask("GET /volumes/{name}", ["shape"]);
  await ask("GET /networks", []);
  for (const name of ["shape", "bridge", "host", "none"]) await ask("GET /networks/{id}", [name]);
  for (const path of ["/info", "/version", "/system/df", "/plugins"]) await ask(`GET ${path}`, []);
  const detailed = await ask("POST /containers/create", [], { body: DETAILED, status: 201 });
  await ask("GET /containers/{id}/json", [(detailed as { Id: string }).Id]);
  await ask("POST /containers/{id}/stop", [id], { status: 204 });
  await ask("GET /containers/{id}/json", [id]);
  await ask("GET /containers/json", [], { query: { all: "1", size: "1" } });
  await ask("POST /containers/prune", []);
  await ask("POST /volumes/prune", [], { query: { filters: '{"all":["true"]}' } });
  await ask("POST /networks/prune", []);
  await ask("GET /events", [], { query: { since: "1", until: `${Date.now() / 1000}` }, lines: true });
}

async function healthy(id: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { State } = (await (await engine.api("GET", `/containers/${id}/json`)).json()) as {
      State: { Health?: { Status: string } };
    };
    if (State.Health?.Status === "healthy") return;
    await Bun.sleep(50);
  }
}

async function askOfContainer(id: string): Promise<void> {
  await ask("POST /containers/{id}/update", [id], { body: { CpuShares: 512 } });
  await ask("GET /containers/{id}/json", [id], { query: { size: "1" } });
  await ask("GET /containers/json", [], { query: { all: "1", size: "1" } });
  await ask("GET /containers/{id}/top", [id]);
  await ask("GET /containers/{id}/changes", [id]);
  await ask("GET /containers/{id}/stats", [id], { query: { stream: "0" } });
  const exec = await ask("POST /containers/{id}/exec", [id], { body: { Cmd: ["true"] }, status: 201 });
  const { Id } = exec as { Id: string };
  await ask("GET /exec/{id}/json", [Id]);
  await ask("POST /exec/{id}/start", [Id], { body: { Detach: true } });
  await ask("GET /exec/{id}/json", [Id]);
  const body = { Image: IMAGE, Cmd: ["sh", "-c", "exit 3"] };
  const ended = (await ask("POST /containers/create", [], { body, status: 201 })) as { Id: string };
  const waiting = ask("POST /containers/{id}/wait", [ended.Id], { query: { condition: "next-exit" } });
  await ask("POST /containers/{id}/start", [ended.Id], { status: 204 });
  await waiting;
  await ask("GET /containers/{id}/json", [ended.Id]);
}

async function askOfImages(id: string): Promise<void> {
  const commit = { container: id, repo: "shape", comment: "of a test", changes: "LABEL a=b" };
  await ask("POST /commit", [], { query: commit, status: 201 });
  await ask("POST /images/create", [], {
    query: { fromSrc: "-", repo: "imported" },
    tar: await busyboxRootTar(),
    lines: true,
  });
  const archive = await (await engine.api("GET", "/images/shape/get")).bytes();
  await ask("POST /images/load", [], { tar: archive, lines: true });
  const name = `${registry.address}/shape`;
  await ask("POST /images/{name}/tag", ["shape"], { query: { repo: name }, status: 201 });
  await ask("POST /images/{name}/push", [name], { query: { tag: "latest" }, lines: true });
  await ask("GET /distribution/{name}/json", [`${name}:latest`]);
  await ask("POST /auth", [], { body: { username: "a", password: "b", serveraddress: registry.address } });
  for (const one of ["shape", IMAGE]) {
    await ask("GET /images/{name}/json", [one], { query: { manifests: "1" } });
    await ask("GET /images/{name}/history", [one]);
    await ask("GET /images/{name}/attestations", [one]);
  }
  await ask("GET /images/json", [], { query: { manifests: "1", "shared-size": "1" } });
  await ask("DELETE /images/{name}", ["shape"]);
  await ask("DELETE /images/{name}", [name]);
  await ask("POST /images/create", [], { query: { fromImage: name, tag: "latest" }, lines: true });
  await ask("DELETE /images/{name}", ["imported"]);
  await ask("POST /images/prune", [], { query: { filters: '{"dangling":["false"]}' } });
  await ask("POST /build/prune", []);
}

test("answers are what Docker's description of its API says, but for what is listed with a reason", () => {
  const left = [...fromDocker].flatMap(([operation, found]) =>
    [...found].filter((one) => !isAllowed(operation, one)).map((one) => `${operation} ${one}`),
  );
  expect(left.sort()).toEqual([]);
});

test("what is listed as different is different", () => {
  const unused = ALLOWED.filter(
    ({ operation, difference }) =>
      ![...fromDocker].some(
        ([name, found]) => operation.test(name) && [...found].some((one) => difference.test(one)),
      ),
  );
  expect(unused.map(({ operation, difference }) => `${operation} ${difference}`)).toEqual([]);
});

function isAllowed(operation: string, found: string): boolean {
  return ALLOWED.some((one) => one.operation.test(operation) && one.difference.test(found));
}

test("answers are what berth's own document says", () => {
  const left = [...fromOwn].flatMap(([operation, found]) => [...found].map((one) => `${operation} ${one}`));
  expect(left.sort()).toEqual([]);
});

test("every operation that answers with JSON was asked for", () => {
  const missing = reference.operations
    .filter(({ tag, answers = {} }) => !OUTSIDE_TAGS.has(tag) && Object.values(answers).some(isJson))
    .map(({ method, path }) => `${method} ${path}`)
    .filter((name) => !fromDocker.has(name) && NOT_ASKED[name] === undefined);
  expect(missing).toEqual([]);
});

/** Structs and lists; words are text. */
function isJson(shape: Shape | null): boolean {
  return shape !== null && (typeof shape !== "string" || isNamed(shape));
}

test("what is said not to be served is in no answer", () => {
  expect([...seen].filter((name) => Object.hasOwn(UNSERVED.answers, name))).toEqual([]);
});

/** What operations need beside a name. */
const ALSO: Readonly<Record<string, { readonly query?: string; readonly body?: unknown }>> = {
  "GET /containers/{id}/logs": { query: "stdout=1" },
  "POST /containers/{id}/resize": { query: "h=1&w=1" },
  "POST /exec/{id}/resize": { query: "h=1&w=1" },
  "POST /containers/{id}/rename": { query: "name=other" },
  "HEAD /containers/{id}/archive": { query: "path=/" },
  "GET /containers/{id}/archive": { query: "path=/" },
  "PUT /containers/{id}/archive": { query: "path=/", body: {} },
  "POST /containers/{id}/update": { body: {} },
  "POST /containers/{id}/exec": { body: { Cmd: ["true"] } },
  "POST /exec/{id}/start": { body: {} },
  "POST /images/{name}/tag": { query: "repo=other" },
  "POST /networks/{id}/connect": { body: { Container: "nope" } },
  "POST /networks/{id}/disconnect": { body: { Container: "nope" } },
};

test("what is not there is told by 404 and a message", async () => {
  const named = reference.operations.filter(
    ({ method, path, tag }) =>
      path.includes("{") &&
      !OUTSIDE_TAGS.has(tag) &&
      // A WebSocket's handshake comes first; a push tells in its stream, as Docker's does; registries are asked for the
      // other; no volume can be changed without a swarm.
      !/\/(attach\/ws|push)$/.test(path) &&
      !path.startsWith("/distribution/") &&
      `${method} ${path}` !== "PUT /volumes/{name}",
  );
  const answers = named.map(async ({ method, path }) => {
    const { query = "", body } = ALSO[`${method} ${path}`] ?? {};
    const answer = await engine.api(method, `${path.replace(/\{\w+\}/, "nope")}?${query}`, body);
    const text = await answer.text();
    // What is no failure may be no JSON either, or several.
    const keys = method === "HEAD" || answer.ok ? ["message"] : Object.keys(JSON.parse(text) as object);
    return [`${method} ${path}`, answer.status, keys];
  });
  expect(await Promise.all(answers)).toEqual(
    named.map(({ method, path }) => [`${method} ${path}`, 404, ["message"]]),
  );
  expect(named.length).toBeGreaterThan(30);
});
