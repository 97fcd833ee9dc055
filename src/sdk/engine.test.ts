import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STDERR, STDOUT } from "../lib/index.ts";
import { dialWithNode } from "./connection-node.ts";
import type { UnixEndpoint } from "./endpoint.ts";
import { Engine } from "./engine.ts";
import { ConnectionError, ResponseError } from "./errors.ts";
import { exchange } from "./http.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-sdk-"));
const servers: { close(): void }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

let count = 0;

/** An engine whose every connection is handled by hand. */
async function fakeEngine(handle: (socket: Socket, request: string) => void): Promise<Engine> {
  const path = join(folder, `${count++}.sock`);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let head = "";
    socket.on("error", () => {});
    const read = (bytes: Buffer) => {
      head += bytes.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", read);
      handle(socket, head);
    };
    socket.on("data", read);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  servers.push(server);
  return new Engine({ kind: "unix", path });
}

const json = (status: number, value: unknown, headers = "") => {
  const body = JSON.stringify(value);
  return `HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
};

test("a list is read from chunks that are cut anywhere", async () => {
  const body = JSON.stringify([{ Id: "ä".repeat(40) }]);
  const bytes = Buffer.from(body);
  const engine = await fakeEngine((socket) => {
    const parts = [bytes.subarray(0, 13), bytes.subarray(13, 30), bytes.subarray(30)];
    const chunks = parts.map((part) =>
      Buffer.concat([Buffer.from(`${part.length.toString(16)};x=y\r\n`), part, Buffer.from("\r\n")]),
    );
    const whole = Buffer.concat([
      Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
      ...chunks,
      Buffer.from("0\r\nTrailer: 1\r\n\r\n"),
    ]);
    let at = 0;
    const next = () => {
      if (at >= whole.length) return;
      socket.write(whole.subarray(at, at + 7), () => setImmediate(next));
      at += 7;
    };
    next();
  });
  expect(await engine.containers.list()).toEqual(JSON.parse(body));
});

test("a refusal has the engine's own message and its kind", async () => {
  const engine = await fakeEngine((socket) => socket.end(json(409, { message: "You cannot" })));
  const error = await engine.containers.remove("c").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ResponseError);
  expect(error).toMatchObject({ kind: "Conflict", status: 409, message: "You cannot" });
});

test("an engine that is too old for our version is asked in its own", async () => {
  const asked: string[] = [];
  const engine = await fakeEngine((socket, request) => {
    asked.push(request.split(" ")[1]!);
    if (request.includes("/v1.41/")) socket.end(json(200, []));
    else socket.end("HTTP/1.1 400 Bad Request\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n");
  });
  await engine.containers.list({ all: true });
  await engine.containers.list();
  expect(asked).toEqual([
    "/v1.51/containers/json?all=1",
    "/v1.41/containers/json?all=1",
    "/v1.41/containers/json",
  ]);
  expect(engine.apiVersion).toBe("1.41");
});

test("calls that begin at once all find the version that an older engine speaks", async () => {
  const engine = await fakeEngine((socket, request) => {
    if (request.includes("/v1.41/")) socket.end(json(200, []));
    else socket.end("HTTP/1.1 400 Bad Request\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n");
  });
  const lists = Array.from({ length: 5 }, () => engine.containers.list());
  expect(await Promise.all(lists)).toEqual([[], [], [], [], []]);
});

test("a version that somebody chose is not negotiated", async () => {
  const refusing = await fakeEngine((socket) =>
    socket.end(json(400, { message: "client version 1.99 is too new" }, "Api-Version: 1.41\r\n")),
  );
  const engine = new Engine(refusing.endpoint, { apiVersion: "1.99" });
  await expect(engine.containers.list()).rejects.toThrow("client version 1.99 is too new");
});

test("a refusal counts although the upload goes on", async () => {
  const engine = await fakeEngine((socket, request) => {
    if (request.startsWith("HEAD")) return socket.end("HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n\r\n");
    return socket.end(json(500, { message: "no room" }));
  });
  async function* endless() {
    for (;;) yield new Uint8Array(64 * 1024);
  }
  await expect(engine.images.load(endless())).rejects.toThrow("no room");
});

test("a source that fails ends the upload with its own error", async () => {
  const engine = await fakeEngine((socket, request) => {
    if (request.startsWith("HEAD")) socket.end("HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n\r\n");
  });
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    throw new Error("the disk is gone");
  }
  await expect(engine.images.load(broken())).rejects.toThrow("the disk is gone");
});

test("an answer that ends early is no answer", async () => {
  const engine = await fakeEngine((socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[{"Id"'),
  );
  await expect(engine.containers.list()).rejects.toThrow("unexpected EOF");
});

test("a signal gives up a request that waits", async () => {
  const engine = await fakeEngine(() => {});
  const abort = new AbortController();
  const listing = engine.containers.list({ signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(listing).rejects.toThrow("enough");
});

test("where nobody listens, the error says where and why", async () => {
  const path = join(folder, "nobody.sock");
  const error = await new Engine({ kind: "unix", path }).system.info().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ kind: "Unavailable", code: "ENOENT", address: `unix://${path}` });
});

test("whoever can start an engine is asked once, and the request is sent again", async () => {
  const running = await fakeEngine((socket) => socket.end(json(200, [])));
  if (running.endpoint.kind !== "unix") throw new Error("a socket was expected");
  const { path } = running.endpoint;
  let asked = 0;
  const engine = new Engine(
    { kind: "unix", path: `${path}-later` },
    {
      whenUnreachable: async () => {
        asked++;
        const { symlinkSync } = await import("node:fs");
        symlinkSync(path, `${path}-later`);
        return true;
      },
    },
  );
  expect(await Promise.all([engine.containers.list(), engine.containers.list()])).toEqual([[], []]);
  expect(asked).toBe(1);
});

const frame = (stream: number, text: string) => {
  const bytes = Buffer.from(text);
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
};

test("an attached stream carries both outputs, and its input can end before them", async () => {
  const engine = await fakeEngine((socket) => {
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    socket.write(frame(1, "early "));
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes.toString();
    });
    socket.on("end", () => socket.end(Buffer.concat([frame(2, "oh"), frame(1, `got ${received}`)])));
  });
  using stream = await engine.containers.attach("c", { stdin: true, stdout: true, stderr: true, tty: false });
  await stream.write(Buffer.from("input"));
  stream.end();
  const heard: Record<number, string> = { [STDOUT]: "", [STDERR]: "" };
  for await (const { stream: from, bytes } of stream.output) heard[from] += Buffer.from(bytes).toString();
  expect(heard).toEqual({ [STDOUT]: "early got input", [STDERR]: "oh" });
});

test("a refused attach is an error, not a stream", async () => {
  const engine = await fakeEngine((socket) => socket.end(json(404, { message: "No such container: c" })));
  await expect(engine.containers.attach("c", { tty: false })).rejects.toMatchObject({ kind: "NotFound" });
});

test("who has waited for a container does not keep the connection, also where the engine does", async () => {
  const left = Promise.withResolvers<void>();
  const engine = await fakeEngine((socket) => {
    socket.on("end", () => left.resolve()).resume();
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{"StatusCode":3}\n\r\n');
  });
  expect(await engine.containers.wait("c")).toEqual({ StatusCode: 3 });
  await left.promise;
});

test("progress comes line by line as the engine tells it", async () => {
  const engine = await fakeEngine((socket, request) => {
    if (request.startsWith("HEAD")) socket.end("HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n\r\n");
    else socket.end('HTTP/1.1 200 OK\r\n\r\n{"status":"a"}\r\n\r\n{"status":"b"}');
  });
  const lines = [];
  for await (const line of await engine.images.pull({ fromImage: "x" })) lines.push(line);
  expect(lines).toEqual([{ status: "a" }, { status: "b" }]);
});

test("a header's value cannot begin another header", async () => {
  let seen = "";
  const engine = await fakeEngine((socket, request) => {
    seen = request;
    socket.end(json(200, []));
  });
  await engine.json({
    method: "GET",
    path: "/images/json",
    headers: { "X-Registry-Auth": "a\r\nX-Evil: 1" },
  });
  expect(seen).not.toContain("\r\nX-Evil");
});

test("names with strange characters stay one part of the path, and empty ones are refused", async () => {
  let seen = "";
  const engine = await fakeEngine((socket, request) => {
    seen = request.split(" ")[1]!;
    socket.end(json(200, {}));
  });
  await engine.containers.inspect("a?b#c d");
  expect(seen).toBe("/v1.51/containers/a%3Fb%23c%20d/json");
  expect(() => engine.containers.inspect(" ")).toThrow("invalid container name or ID: value is empty");
});

test("the connection for Node does the same exchange", async () => {
  const engine = await fakeEngine((socket) => socket.end(json(200, { ok: true })));
  const response = await exchange(await dialWithNode(engine.endpoint as UnixEndpoint), {
    method: "GET",
    path: "/",
    host: "x",
  });
  expect(await response.text()).toBe('{"ok":true}');
});

test("bytes keep their order and number in both directions, and a slow reader holds the writer back", async () => {
  const engine = await fakeEngine((socket) => {
    socket.write("HTTP/1.1 101 UPGRADED\r\n\r\n");
    socket.pipe(socket);
  });
  using stream = await engine.containers.attach("c", { stdin: true, stdout: true, tty: true });
  const total = 32 << 20;
  const sending = (async () => {
    for (let at = 0; at < total; at += 1 << 20) {
      const piece = new Uint8Array(1 << 20);
      new DataView(piece.buffer).setUint32(0, at);
      await stream.write(piece);
    }
    stream.end();
  })();
  const hasher = new Bun.CryptoHasher("sha256");
  let received = 0;
  for await (const { bytes } of stream.output) {
    received += bytes.length;
    hasher.update(bytes);
  }
  await sending;
  expect(received).toBe(total);
  const expected = new Bun.CryptoHasher("sha256");
  for (let at = 0; at < total; at += 1 << 20) {
    const piece = new Uint8Array(1 << 20);
    new DataView(piece.buffer).setUint32(0, at);
    expected.update(piece);
  }
  expect(hasher.digest("hex")).toBe(expected.digest("hex"));
});
