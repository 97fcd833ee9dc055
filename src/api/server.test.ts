import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AddressInfo } from "node:net";
import { EngineError, type ErrorKind } from "../lib/index.ts";
import type { ContainerCreateRequest } from "../wire/index.ts";
import { statusOf } from "./status.ts";
import { ask, RawClient, serveFakes, type TestServer } from "./testing.ts";

const KINDS: Record<ErrorKind, number> = {
  NotModified: 304,
  InvalidParameter: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  Conflict: 409,
  System: 500,
  NotImplemented: 501,
  Unavailable: 503,
};

let server: TestServer;
const created: { request: ContainerCreateRequest; options: { name?: string; platform?: string } }[] = [];

beforeAll(async () => {
  server = await serveFakes({
    containers: {
      start: async (ref) => {
        if (Object.hasOwn(KINDS, ref)) throw new EngineError(ref as ErrorKind, `it is ${ref}`);
        if (ref === "bug") throw new TypeError("undefined is not a function");
      },
      create: async (request, options) => {
        created.push({ request, options });
        return { Id: "abc", Warnings: ["careful"] };
      },
      list: async () => [],
      kill: async () => {},
      archivePut: async (_ref, _path, body) => {
        for await (const _ of body);
      },
    },
    system: { version: () => ({}) as never },
  });
});

afterAll(() => server[Symbol.asyncDispose]());

describe("errors", () => {
  for (const [kind, status] of Object.entries(KINDS)) {
    test(`${kind} is ${status}`, async () => {
      expect(statusOf(kind as ErrorKind)).toBe(status);
      const answer = await ask(server, "POST", `/containers/${kind}/start`);
      expect(answer.status).toBe(status);
      if (status === 304) expect(answer.text).toBe("");
      else expect(answer.json).toEqual({ message: `it is ${kind}` });
    });
  }

  test("what nobody foresaw is 500 and fails only its own request", async () => {
    const answer = await ask(server, "POST", "/containers/bug/start");
    expect([answer.status, answer.json]).toEqual([500, { message: "undefined is not a function" }]);
    expect((await ask(server, "GET", "/_ping")).status).toBe(200);
  });

  test("a name may come with the slash that it has in lists", async () => {
    const asked: string[] = [];
    await using api = await serveFakes({
      containers: { remove: async (ref) => void asked.push(ref) },
    });
    for (const path of ["/v1.40/containers//web", "/v1.40/containers/%2Fweb", "/containers/web"]) {
      expect((await ask(api, "DELETE", path)).status).toBe(204);
    }
    expect(asked).toEqual(["web", "web", "web"]);
  });

  test("unknown paths and methods are not found", async () => {
    for (const [method, url] of [
      ["GET", "/nope"],
      ["PUT", "/containers/json"],
      ["GET", "/v1.40"],
      ["GET", "/v1.40/nope"],
      ["GET", "/"],
    ] as const) {
      const answer = await ask(server, method, url);
      expect([answer.status, answer.json]).toEqual([404, { message: "page not found" }]);
    }
  });
});

describe("versions", () => {
  test("those between 1.24 and 1.51 are served, with the newest announced", async () => {
    for (const prefix of ["", "/v1.24", "/v1.40", "/v1.51"]) {
      const answer = await ask(server, "GET", `${prefix}/version`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("api-version")).toBe("1.51");
      expect(answer.headers.get("docker-experimental")).toBe("false");
      expect(answer.headers.get("ostype")).toBe("linux");
      expect(answer.headers.get("server")).toBe("Berth/0.0.0 (linux)");
    }
  });

  test("older and newer ones get Docker's words", async () => {
    const old =
      "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version";
    const future = "client version 1.99 is too new. Maximum supported API version is 1.51";
    for (const [url, message] of [
      ["/v1.23/version", old],
      ["/v1.99/version", future],
    ] as const) {
      const answer = await ask(server, "GET", url);
      expect([answer.status, answer.json]).toEqual([400, { message }]);
    }
    expect((await ask(server, "GET", "/v2.0/version")).status).toBe(400);
    expect((await ask(server, "GET", "/v0.9/version")).status).toBe(400);
    expect((await ask(server, "GET", "/v1./version")).status).toBe(400);
  });

  test("ping tells what a client needs to negotiate, to GET and HEAD", async () => {
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask(server, method, "/_ping");
      expect(answer.status).toBe(200);
      expect(answer.text).toBe(method === "GET" ? "OK" : "");
      expect(answer.headers.get("content-length")).toBe("2");
      expect(answer.headers.get("builder-version")).toBe("1");
      expect(answer.headers.get("swarm")).toBe("inactive");
      expect(answer.headers.get("cache-control")).toBe("no-cache, no-store, must-revalidate");
      expect(answer.headers.get("pragma")).toBe("no-cache");
      expect(answer.headers.get("content-type")).toStartWith("text/plain");
    }
  });
});

describe("requests that are wrong", () => {
  const refused = async (body: string, headers: Record<string, string> = {}) => {
    const answer = await ask(server, "POST", "/containers/create", body, headers);
    return [answer.status, (answer.json as { message: string }).message];
  };

  test("malformed JSON", async () => {
    const [status, message] = await refused('{"Image":');
    expect(status).toBe(400);
    expect(message).toStartWith("invalid JSON: ");
    expect((await refused("[".repeat(1_000_000)))[0]).toBe(400);
    const deep = (depth: number) => `{"Image":"a","Volumes":{"/v":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
    expect(await refused(deep(100_000))).toEqual([400, "invalid JSON: exceeded max depth"]);
    expect((await ask(server, "POST", "/containers/create", deep(9_000))).status).toBe(201);
    const text = { Image: "a", Env: [`A=${'[{"\\'.repeat(20_000)}`] };
    expect((await ask(server, "POST", "/containers/create", text)).status).toBe(201);
    expect(await refused("  ")).toEqual([400, "invalid JSON: got EOF while reading request body"]);
  });

  test("wrong types name the field", async () => {
    expect(await refused('{"Image":"a","HostConfig":{"Memory":"1g"}}')).toEqual([
      400,
      "invalid JSON: json: cannot unmarshal string into Go struct field CreateRequest.HostConfig.Memory of type int64",
    ]);
  });

  test("no configuration at all", async () => {
    expect(await refused("{}")).toEqual([400, "config cannot be empty in order to create a container"]);
    const answer = await ask(server, "POST", "/containers/create");
    expect(answer.json).toEqual({ message: "invalid JSON: got EOF while reading request body" });
  });

  test("another content type", async () => {
    expect(await refused("{}", { "Content-Type": "text/plain" })).toEqual([
      400,
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    ]);
    expect((await refused('{"Image":"a"}', { "Content-Type": "application/json; charset=utf-8" }))[0]).toBe(
      201,
    );
  });

  test("a body that is announced too large is not waited for", async () => {
    const client = new RawClient(server.path);
    client.write(
      "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 90000000\r\n\r\n{",
    );
    const text = await client.until((got) => got.includes("too large"));
    expect(text).toMatch(/^HTTP\/1.1 413 .*\r\nConnection: close\r\n.*request body too large/s);
    client.close();
  });

  test("a body that turns out too large is cut off", async () => {
    const client = new RawClient(server.path);
    client.write(
      "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    const piece = Buffer.alloc(1 << 20, 32);
    const timer = setInterval(() => {
      client.write(`${piece.length.toString(16)}\r\n`);
      client.write(piece);
      client.write("\r\n");
    }, 5);
    expect(await client.until((text) => text.includes("too large"))).toMatch(/^HTTP\/1.1 413 /);
    clearInterval(timer);
    client.close();
  });

  test("wrong numbers, filters and escapes in the query", async () => {
    const messages: [string, string][] = [
      ["limit=many", 'invalid value for limit: parsing "many": invalid syntax'],
      ["filters=x", "invalid filter"],
      ["filters=%5B%5D", "invalid filter"],
      ["filters=%7B%22a%22%3A1%7D", "invalid filter"],
      ["filters=%zz", 'invalid URL escape "%zz"'],
    ];
    for (const [query, message] of messages) {
      // fetch would mend the broken escape.
      const client = new RawClient(server.path);
      client.write(`GET /containers/json?${query} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`);
      const text = await client.toEnd();
      expect(text).toStartWith("HTTP/1.1 400 ");
      expect(text).toContain(JSON.stringify({ message }));
    }
  });
});

describe("connections that misbehave", () => {
  const cases: Record<string, string> = {
    "no HTTP": "GARBAGE\r\n\r\n",
    "half a request":
      "POST /containers/x/archive?path=/ HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\nabc",
    "a head that is too long": `GET /_ping HTTP/1.1\r\nHost: d\r\n${"X-A: b\r\n".repeat(20_000)}\r\n`,
    "a header that is too long": `GET /_ping HTTP/1.1\r\nHost: d\r\nX-A: ${"b".repeat(1_000_000)}\r\n\r\n`,
    "two lengths":
      "POST /containers/x/kill HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
    "a broken chunk":
      "PUT /containers/x/archive?path=/ HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
  };
  for (const [name, bytes] of Object.entries(cases)) {
    test(`${name}: they end, and the next one is served`, async () => {
      const client = new RawClient(server.path);
      client.write(bytes);
      client.socket.end();
      const text = await client.toEnd();
      expect(text).not.toContain("HTTP/1.1 2");
      expect((await ask(server, "GET", "/_ping")).status).toBe(200);
    });
  }

  test("an upgrade that a route doesn't grant is answered as if it had not been asked for", async () => {
    const client = new RawClient(server.path);
    client.write("GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    expect(await client.toEnd()).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n\r\nOK$/s);
  });

  test("a client may close its half behind the request and read the answer", async () => {
    await using slow = await serveFakes({
      containers: {
        list: async () => {
          await Bun.sleep(20);
          return [];
        },
      },
    });
    const client = new RawClient(slow.path);
    client.write("GET /containers/json HTTP/1.1\r\nHost: d\r\n\r\n");
    client.socket.end();
    expect(await client.toEnd()).toEndWith("\r\n\r\n[]\n");
  });

  test("over TCP a stream ends with its client, though nothing is sent", async () => {
    let gone = () => {};
    const left = new Promise<void>((resolve) => {
      gone = resolve;
    });
    await using api = await serveFakes({
      events: {
        subscribe: async function* (_options, signal) {
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
          gone();
        },
      },
    });
    const http = api.server.serve();
    await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
    const client = new RawClient({ port: (http.address() as AddressInfo).port, host: "127.0.0.1" });
    client.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await client.until((text) => text.includes("\r\n\r\n"));
    client.close();
    await left;
  });

  test("several requests on one connection are answered in order", async () => {
    const client = new RawClient(server.path);
    const request = (url: string) => `GET ${url} HTTP/1.1\r\nHost: d\r\n\r\n`;
    client.write(request("/_ping") + request("/nope") + request("/_ping"));
    const text = await client.until((got) => got.split("HTTP/1.1 ").length === 4 && got.endsWith("OK"));
    expect(text.match(/HTTP\/1.1 (\d+)/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
    client.close();
  });
});

describe("create", () => {
  test("hands on the request, the name and the platform, and answers 201 with warnings", async () => {
    const answer = await ask(server, "POST", "/containers/create?name=web&platform=linux/arm64", {
      Image: "busybox",
      Cmd: "ls",
      HostConfig: { PidsLimit: -1, NetworkMode: "bridge" },
      MacAddress: "02:00:00:00:00:01",
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      Id: "abc",
      Warnings: [
        "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.",
        "careful",
      ],
    });
    const { request, options } = created.at(-1)!;
    expect(options).toEqual({ name: "web", platform: "linux/arm64" });
    expect(request.Cmd).toEqual(["ls"]);
    expect(request.HostConfig?.PidsLimit).toBeNull();
    expect(request.NetworkingConfig?.EndpointsConfig).toEqual({
      bridge: { MacAddress: "02:00:00:00:00:01" },
    });
  });

  test("means what the client's version meant", async () => {
    await ask(server, "POST", "/v1.30/containers/create?platform=linux/arm64", {
      Image: "busybox",
      HostConfig: { PidsLimit: 5, Annotations: { a: "b" } },
      Healthcheck: { Test: ["CMD", "true"], StartInterval: 5 },
    });
    const { request, options } = created.at(-1)!;
    expect(options.platform).toBeUndefined();
    expect(request.HostConfig).toEqual({ PidsLimit: null, IpcMode: "shareable", CgroupnsMode: "host" });
    expect(request.Healthcheck).toEqual({ Test: ["CMD", "true"] });
  });
});

test("what an image's configuration does not say is shown as each version of the API shows it", async () => {
  const image = {
    Id: "sha256:1",
    RepoTags: [],
    RepoDigests: [],
    Config: { Cmd: ["sh"] },
    Architecture: "amd64",
    Os: "linux",
    Size: 7,
    GraphDriver: null,
    RootFS: { Type: "layers", Layers: [] },
    Metadata: {},
  };
  await using api = await serveFakes({ images: { inspect: async () => image } });
  const inspected = async (version: string) => {
    const { json } = await ask(api, "GET", `/v1.${version}/images/x/json`);
    return json as Record<string, unknown> & { Config: Record<string, unknown> };
  };
  const newest = await inspected("51");
  expect(newest.Config).toMatchObject({ Cmd: ["sh"], Entrypoint: null, Labels: null, User: "" });
  for (const gone of [newest.Config["Tty"], newest["ContainerConfig"], newest["VirtualSize"]]) {
    expect(gone).toBeUndefined();
  }
  expect((await inspected("49")).Config).toMatchObject({ Cmd: ["sh"], Tty: false, Hostname: "" });
  expect(await inspected("43")).toMatchObject({ ContainerConfig: { Volumes: null }, VirtualSize: 7 });
  const oldCompose = { "User-Agent": "docker-compose/1.29.2 docker-py/5.0.3 Linux/6.12" };
  const forCompose = await ask(api, "GET", "/v1.51/images/x/json", undefined, oldCompose);
  expect(forCompose.json).toMatchObject({ ContainerConfig: { Volumes: null } });
});

test("disk usage has what older versions of the API had", async () => {
  const Images = [{ Id: "sha256:1", Size: 7 }] as never;
  await using api = await serveFakes({ system: { diskUsage: async () => ({ LayersSize: 7, Images }) } });
  expect((await ask(api, "GET", "/v1.41/system/df")).json).toEqual({
    LayersSize: 7,
    Images: [{ Id: "sha256:1", Size: 7, VirtualSize: 7 }],
    BuilderSize: 0,
  });
  expect((await ask(api, "GET", "/v1.51/system/df")).json).toEqual({ LayersSize: 7, Images });
});

describe("a browser", () => {
  const answers = async (headers: string): Promise<string> => {
    const http = server.server.serve();
    await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
    try {
      const client = new RawClient({ port: (http.address() as AddressInfo).port, host: "127.0.0.1" });
      client.write(`GET /_ping HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
      return (await client.toEnd()).slice(0, "HTTP/1.1 200".length);
    } finally {
      http.close();
    }
  };

  test("is refused over TCP where it speaks for a foreign page, or was led here by a foreign name", async () => {
    expect(await answers("Host: 127.0.0.1:2375\r\n")).toBe("HTTP/1.1 200");
    expect(await answers("Host: [::1]:2375\r\nOrigin: http://[::1]:2375\r\n")).toBe("HTTP/1.1 200");
    expect(await answers("Host: localhost:2375\r\nOrigin: http://localhost:8080\r\n")).toBe("HTTP/1.1 403");
    expect(await answers("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n")).toBe("HTTP/1.1 403");
    expect(await answers("Host: localhost\r\nOrigin: https://evil.example\r\n")).toBe("HTTP/1.1 403");
    expect(await answers("Host: localhost\r\nOrigin: null\r\n")).toBe("HTTP/1.1 403");
    expect(await answers("Host: evil.example:2375\r\n")).toBe("HTTP/1.1 403");
    expect(await answers("Host: 127.0.0.1.evil.example\r\n")).toBe("HTTP/1.1 403");
  });

  test("cannot reach a unix socket, where anything is taken", async () => {
    const answer = await ask(server, "GET", "/_ping", undefined, {
      Host: "api.moby.localhost",
      Origin: "http://x",
    });
    expect(answer.status).toBe(200);
  });
});

test("closing ends streams and idle connections", async () => {
  await using other = await serveFakes({ containers: { wait: () => new Promise(() => {}) } });
  const idle = new RawClient(other.path);
  const waiting = new RawClient(other.path);
  waiting.write("POST /containers/x/wait HTTP/1.1\r\nHost: d\r\n\r\n");
  await waiting.until((text) => text.includes("\r\n\r\n"));
  await other.server.close();
  await Promise.all([idle.toEnd(), waiting.toEnd()]);
});

test("closing waits for an answer that is being worked out, for a while", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using other = await serveFakes({
    containers: {
      wait: () => new Promise(() => {}),
      start: () => promise,
      stop: () => new Promise(() => {}),
    },
  });
  const [starting, stopping, waiting] = [0, 0, 0].map(() => new RawClient(other.path)) as [
    RawClient,
    RawClient,
    RawClient,
  ];
  starting.write("POST /containers/x/start HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
  waiting.write("POST /containers/x/wait HTTP/1.1\r\nHost: d\r\n\r\n");
  await waiting.until((text) => text.includes("\r\n\r\n"));
  const closing = other.server.close(60_000);
  resolve();
  expect(await starting.until((text) => text.includes("\r\n\r\n"))).toStartWith("HTTP/1.1 204");
  await closing;
  stopping.close();

  await using another = await serveFakes({ containers: { stop: () => new Promise(() => {}) } });
  const patient = new RawClient(another.path);
  patient.write("POST /containers/x/stop HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
  await Bun.sleep(50);
  await another.server.close(10);
  await patient.toEnd();
});
