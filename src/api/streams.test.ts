import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { conflict, EngineError, type EngineEvent, notFound } from "../lib/index.ts";
import { serializeEvent } from "./routes/events.ts";
import { ask, FakeProcess, RawClient, serveFakes, upgradeRequest } from "./testing.ts";

/** Cuts Docker's frames apart: `1:text` for standard output, `2:…` for standard error. */
function frames(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    expect(bytes.readUInt32BE(at) & 0xffffff).toBe(0);
    found.push(`${bytes[at]}:${bytes.subarray(at + 8, at + 8 + length)}`);
    at += 8 + length;
  }
  return found;
}

function bodyOf(received: Buffer): Buffer {
  return received.subarray(received.indexOf("\r\n\r\n") + 4);
}

const headOf = (received: Buffer) => received.subarray(0, received.indexOf("\r\n\r\n")).toString();

function attachServer(process: FakeProcess, options: { tty?: boolean } = {}) {
  const seen: { signal?: AbortSignal; options?: unknown } = {};
  const server = serveFakes({
    containers: {
      attach: async (ref, asked, signal) => {
        if (ref === "none") throw notFound("No such container: none");
        seen.signal = signal;
        seen.options = asked;
        return process.session({ ...options, signal });
      },
    },
  });
  return { server, seen };
}

const ATTACH = "/containers/x/attach?stream=1&stdin=1&stdout=1&stderr=1";

describe("attach over an upgraded connection", () => {
  test("carries frames out, bytes in, and goes on after the client's half-close", async () => {
    const process = new FakeProcess();
    const { server, seen } = attachServer(process);
    await using api = await server;
    const client = new RawClient(api.path);
    client.write(upgradeRequest(`/v1.51${ATTACH}&detachKeys=ctrl-a`));
    await client.until((text) => text.includes("\r\n\r\n"));
    expect(headOf(client.received)).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
    expect(headOf(client.received)).toContain("\r\nConnection: Upgrade\r\nUpgrade: tcp");
    expect(headOf(client.received)).toContain("Content-Type: application/vnd.docker.multiplexed-stream");
    expect(headOf(client.received)).toContain("Api-Version: 1.51");
    expect(seen.options).toEqual({
      logs: false,
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      detachKeys: "ctrl-a",
    });

    client.write("question");
    await process.untilInput((it) => it.inputText === "question");
    client.socket.end();
    await process.untilInput((it) => it.inputEnded);
    process.print("answer");
    process.print("warning", 2);
    process.exit();
    await client.toEnd();
    expect(frames(bodyOf(client.received))).toEqual(["1:answer", "2:warning"]);
  });

  test("is raw with a tty", async () => {
    const process = new FakeProcess();
    await using api = await attachServer(process, { tty: true }).server;
    const client = new RawClient(api.path);
    client.write(upgradeRequest(ATTACH));
    process.print("prompt$ ");
    process.exit();
    await client.toEnd();
    expect(headOf(client.received)).toContain("Content-Type: application/vnd.docker.raw-stream");
    expect(bodyOf(client.received).toString()).toBe("prompt$ ");
  });

  test("is named raw before v1.42, framed all the same", async () => {
    const process = new FakeProcess();
    await using api = await attachServer(process).server;
    const client = new RawClient(api.path);
    client.write(upgradeRequest(`/v1.41${ATTACH}`));
    process.print("x");
    process.exit();
    await client.toEnd();
    expect(headOf(client.received)).toContain("Content-Type: application/vnd.docker.raw-stream");
    expect(frames(bodyOf(client.received))).toEqual(["1:x"]);
  });

  test("a failure is an ordinary answer", async () => {
    await using api = await attachServer(new FakeProcess()).server;
    const client = new RawClient(api.path);
    client.write(upgradeRequest("/containers/none/attach"));
    const text = await client.toEnd();
    expect(text).toStartWith("HTTP/1.1 404 ");
    expect(text).toEndWith('{"message":"No such container: none"}\n');
  });

  test("a client that goes away aborts the session", async () => {
    const process = new FakeProcess();
    const { server, seen } = attachServer(process);
    await using api = await server;
    const client = new RawClient(api.path);
    client.write(upgradeRequest(ATTACH));
    await client.until((text) => text.includes("\r\n\r\n"));
    client.close();
    await new Promise<void>((resolve) => {
      if (seen.signal?.aborted) resolve();
      else seen.signal?.addEventListener("abort", () => resolve());
    });
    expect(process.inputEnded || seen.signal?.aborted).toBe(true);
  });

  test("a thousand clients that come and go leave no descriptor behind", async () => {
    const process = new FakeProcess();
    await using api = await attachServer(process).server;
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    for (let round = 0; round < 20; round++) {
      const clients = Array.from({ length: 50 }, () => new RawClient(api.path));
      for (const client of clients) client.write(upgradeRequest(ATTACH));
      await Promise.all(clients.map((client) => client.until((text) => text.includes("\r\n\r\n"))));
      for (const client of clients) client.close();
    }
    await api.server.close();
    while (descriptors() > before) await Bun.sleep(1);
  });

  test("a process that does not read stops its client, and loses nothing", async () => {
    const process = new FakeProcess();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    process.beforeTaking = () => gate;
    await using api = await attachServer(process).server;
    const client = new RawClient(api.path);
    client.write(upgradeRequest(ATTACH));
    await client.until((text) => text.includes("\r\n\r\n"));
    const total = 32 << 20;
    const piece = Buffer.alloc(1 << 20, "x");
    for (let sent = 0; sent < total; sent += piece.length) client.write(piece);
    client.socket.end();
    await Bun.sleep(100);
    // What the kernel and the streams buffer, and no more.
    expect(client.socket.writableLength).toBeGreaterThan(total / 2);
    open();
    await process.untilInput((it) => it.inputEnded);
    expect(process.received.reduce((sum, bytes) => sum + bytes.length, 0)).toBe(total);
    process.exit();
    await client.toEnd();
  });

  test("a client that does not read stops the process's output", async () => {
    const process = new FakeProcess();
    let taken = 0;
    const bytes = Buffer.alloc(64 << 10);
    await using api = await serveFakes({
      containers: {
        attach: async () => ({
          tty: false,
          output: (async function* () {
            for (; taken < 2_000; taken++) yield { stream: 1 as const, bytes };
          })(),
        }),
      },
    });
    const client = new RawClient(api.path);
    client.socket.pause();
    client.write(upgradeRequest("/containers/x/attach?stdout=1&stream=1"));
    await Bun.sleep(150);
    expect(taken).toBeLessThan(200);
    client.socket.resume();
    await client.toEnd();
    expect(bodyOf(client.received).length).toBe(2_000 * (bytes.length + 8));
    process.exit();
  });
});

describe("attach without an upgrade", () => {
  test("answers 200 with a stream without chunks; the request's body is the input", async () => {
    const process = new FakeProcess();
    await using api = await attachServer(process).server;
    const client = new RawClient(api.path);
    client.write(`POST ${ATTACH} HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n`);
    await client.until((text) => text.includes("\r\n\r\n"));
    client.write("5\r\nhello\r\n");
    await process.untilInput((it) => it.inputText === "hello");
    client.write("0\r\n\r\n");
    await process.untilInput((it) => it.inputEnded);
    process.print("bye");
    process.exit();
    await client.toEnd();
    expect(headOf(client.received)).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(headOf(client.received)).toContain("application/vnd.docker.raw-stream");
    expect(headOf(client.received).toLowerCase()).not.toContain("transfer-encoding");
    expect(frames(bodyOf(client.received))).toEqual(["1:bye"]);
  });
});

describe("exec", () => {
  test("reads the request's body and then carries the streams", async () => {
    const process = new FakeProcess();
    const asked: unknown[] = [];
    await using api = await serveFakes({
      containers: {
        execStart: async (id, { onAccepted, ...options }) => {
          asked.push(id, options);
          onAccepted?.();
          return process.session({ tty: true });
        },
      },
    });
    const client = new RawClient(api.path);
    client.write(upgradeRequest("/exec/e1/start", { Detach: false, Tty: true, ConsoleSize: [24, 80] }));
    await client.until((text) => text.includes("\r\n\r\n"));
    expect(asked).toEqual(["e1", { detach: false, tty: true, consoleSize: { rows: 24, columns: 80 } }]);
    client.write("ls\n");
    await process.untilInput((it) => it.inputText === "ls\n");
    process.print("file\r\n");
    process.exit();
    await client.toEnd();
    expect(bodyOf(client.received).toString()).toBe("file\r\n");
  });

  test("a command that cannot be executed is told in the stream, a missing exec or stopped container is not", async () => {
    await using api = await serveFakes({
      containers: {
        execStart: async (id, { onAccepted }) => {
          if (id === "gone") throw notFound("No such exec instance: gone");
          if (id === "stopped") throw conflict("container abc is not running");
          onAccepted?.();
          throw new EngineError("InvalidParameter", "OCI runtime exec failed: no such file");
        },
      },
    });
    for (const [id, status] of [
      ["gone", 404],
      ["stopped", 409],
    ] as const) {
      expect((await ask(api, "POST", `/exec/${id}/start`, { Detach: false })).status).toBe(status);
    }
    const client = new RawClient(api.path);
    client.write(upgradeRequest("/exec/e1/start", {}));
    await client.toEnd();
    expect(headOf(client.received)).toStartWith("HTTP/1.1 101 ");
    expect(frames(bodyOf(client.received))).toEqual(["1:OCI runtime exec failed: no such file\r\n"]);
  });

  test("frames are what the start asks for, whatever the exec was created with", async () => {
    const process = new FakeProcess();
    await using api = await serveFakes({
      containers: {
        execStart: async (_id, { onAccepted }) => {
          onAccepted?.();
          return process.session({ tty: true });
        },
      },
    });
    const client = new RawClient(api.path);
    client.write(upgradeRequest("/exec/e1/start", { Tty: false }));
    process.print("out\r\n");
    process.exit();
    await client.toEnd();
    expect(frames(bodyOf(client.received))).toEqual(["1:out\r\n"]);
  });

  test("the head is out before the process is started: clients with a buffer would lose output that comes with it", async () => {
    const process = new FakeProcess();
    const started = Promise.withResolvers<void>();
    await using api = await serveFakes({
      containers: {
        execStart: async (_id, { onAccepted }) => {
          onAccepted?.();
          await started.promise;
          return process.session();
        },
      },
    });
    const client = new RawClient(api.path);
    client.write(upgradeRequest("/v1.51/exec/e1/start", {}));
    const head = await client.until((text) => text.includes("\r\n\r\n"));
    expect(head).toContain("Content-Type: application/vnd.docker.multiplexed-stream\r\n");
    expect(bodyOf(client.received).length).toBe(0);
    started.resolve();
    process.print("out");
    process.exit();
    await client.toEnd();
    expect(frames(bodyOf(client.received))).toEqual(["1:out"]);
  });

  test("a detached one is answered at once", async () => {
    await using api = await serveFakes({ containers: { execStart: async () => undefined } });
    const answer = await ask(api, "POST", "/exec/e1/start", { Detach: true });
    expect([answer.status, answer.text]).toEqual([200, ""]);
  });
});

describe("wait", () => {
  test("sends its head before the container ends", async () => {
    let end: (result: { statusCode: number }) => void = () => {};
    await using api = await serveFakes({
      containers: {
        wait: (ref, condition) => {
          if (ref === "none") throw notFound("No such container: none");
          expect(condition).toBe("next-exit");
          return new Promise((resolve) => {
            end = resolve;
          });
        },
      },
    });
    const client = new RawClient(api.path);
    client.write("POST /containers/x/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n");
    const head = await client.until((text) => text.includes("\r\n\r\n"));
    expect(head).toStartWith("HTTP/1.1 200 OK\r\n");
    end({ statusCode: 7 });
    await client.until((text) => text.includes('{"StatusCode":7}\n'));
    client.close();
    expect((await ask(api, "POST", "/containers/none/wait?condition=removed")).status).toBe(404);
    const answer = await ask(api, "POST", "/containers/x/wait?condition=tomorrow");
    expect([answer.status, answer.json]).toEqual([400, { message: 'invalid condition: "tomorrow"' }]);
  });
});

describe("logs", () => {
  test("flush each chunk at once, a frame a line, and end with the client", async () => {
    const seen: { options?: unknown; signal?: AbortSignal } = {};
    const process = new FakeProcess();
    await using api = await serveFakes({
      containers: {
        logs: async (_ref, options, signal) => {
          seen.options = options;
          seen.signal = signal;
          return process.session({ signal });
        },
      },
    });
    const client = new RawClient(api.path);
    client.write(
      "GET /containers/x/logs?stdout=1&stderr=true&follow=1&tail=10&since=1700000000.000000001&until=2&timestamps=1 HTTP/1.1\r\nHost: d\r\n\r\n",
    );
    await client.until((text) => text.includes("\r\n\r\n"));
    expect(headOf(client.received)).toContain("application/vnd.docker.multiplexed-stream");
    process.print("one line\n");
    await client.until((text) => text.includes("one line\n"));
    process.print("two\nthree\nand a half");
    const lines = ["two\n", "three\n", "and a half"].map(
      (line) => `\x01\0\0\0\0\0\0${String.fromCharCode(line.length)}${line}`,
    );
    expect(await client.until((text) => text.includes("half"))).toContain(lines.join(""));
    expect(seen.options).toEqual({
      stdout: true,
      stderr: true,
      since: 1_700_000_000_000_000_001n,
      until: 2_000_000_000n,
      timestamps: true,
      tail: 10,
      follow: true,
      details: false,
    });
    client.close();
    await new Promise<void>((resolve) => {
      if (seen.signal?.aborted) resolve();
      else seen.signal?.addEventListener("abort", () => resolve());
    });
    const answer = await ask(api, "GET", "/containers/x/logs");
    expect([answer.status, answer.json]).toEqual([
      400,
      { message: "Bad parameters: you must choose at least one stream" },
    ]);
    expect((await ask(api, "GET", "/containers/x/logs?stdout=1&since=yesterday")).status).toBe(400);
  });
});

describe("events", () => {
  const event: EngineEvent = {
    type: "container",
    action: "start",
    actorId: "c1",
    attributes: { image: "busybox", name: "web" },
  };

  test("are lines with all digits of their time", () => {
    const line = serializeEvent({ ...event, timeNs: 1_700_000_000_123_456_789n });
    expect(line).toBe(
      '{"status":"start","id":"c1","from":"busybox","Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"image":"busybox","name":"web"}},"scope":"local","time":1700000000,"timeNano":1700000000123456789}\n',
    );
  });

  test("go out one by one, with the filters applied", async () => {
    let push: (value: EngineEvent) => void = () => {};
    await using api = await serveFakes({
      events: {
        subscribe: async function* ({ filter }, signal) {
          while (!signal.aborted) {
            const next = await new Promise<EngineEvent>((resolve) => {
              push = resolve;
            });
            const stamped = { ...next, timeNs: 1n };
            if (filter === undefined || filter(stamped)) yield stamped;
          }
        },
      },
    });
    const client = new RawClient(api.path);
    const filters = encodeURIComponent(JSON.stringify({ event: { die: true }, container: ["we"] }));
    client.write(`GET /events?filters=${filters} HTTP/1.1\r\nHost: d\r\n\r\n`);
    await client.until((text) => text.includes("\r\n\r\n"));
    for (const action of ["start", "die"]) {
      await Bun.sleep(1);
      push({ ...event, action });
    }
    await client.until((text) => text.includes('"Action":"die"'));
    expect(client.text).not.toContain('"Action":"start"');
    client.close();
    expect((await ask(api, "GET", '/events?filters={"colour":["red"]}')).json).toEqual({
      message: "invalid filter 'colour'",
    });
    expect((await ask(api, "GET", "/events?since=20&until=10")).json).toEqual({
      message: "`since` time (20) cannot be after `until` time (10)",
    });
  });
});

describe("archives", () => {
  test("go down and up whole, 300 MB each, without gathering in memory", async () => {
    const pieces = 4_800;
    const piece = Buffer.alloc(64 << 10, 7);
    let uploaded = 0;
    await using api = await serveFakes({
      containers: {
        archiveGet: async () => ({
          stat: { name: "f", size: 1, mode: 420, mtime: "2024-01-01T00:00:00Z", linkTarget: "" },
          tar: (async function* () {
            for (let i = 0; i < pieces; i++) yield piece;
          })(),
        }),
        archivePut: async (_ref, path, body, options) => {
          expect([path, options]).toEqual(["/a b", { noOverwriteDirNonDir: true, copyUIDGID: false }]);
          for await (const bytes of body) uploaded += bytes.length;
        },
      },
    });
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    const response = await fetch("http://d/containers/x/archive?path=/f", { unix: api.path });
    const stat = JSON.parse(
      Buffer.from(response.headers.get("x-docker-container-path-stat")!, "base64").toString(),
    );
    expect(stat).toEqual({ name: "f", size: 1, mode: 420, mtime: "2024-01-01T00:00:00Z", linkTarget: "" });
    let downloaded = 0;
    for await (const bytes of response.body!) downloaded += bytes.length;
    expect(downloaded).toBe(pieces * piece.length);

    const client = new RawClient(api.path);
    client.write(
      `PUT /containers/x/archive?path=/a%20b&noOverwriteDirNonDir=1 HTTP/1.1\r\nHost: d\r\nContent-Length: ${pieces * piece.length}\r\n\r\n`,
    );
    for (let i = 0; i < pieces; i++) {
      if (!client.socket.write(piece)) await new Promise((resolve) => client.socket.once("drain", resolve));
    }
    expect(await client.until((text) => text.includes("\r\n\r\n"))).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(uploaded).toBe(pieces * piece.length);
    client.close();
    // What is garbage by now is the collector's business; what is still held is ours.
    Bun.gc(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 << 20);
  });

  test.each(["", "Connection: Upgrade\r\nUpgrade: h2c\r\n"])(
    "what is overwritten after it was sent arrives as it was, however slow the reader (%j)",
    async (extra) => {
      const sizes = Array.from({ length: 60 }, (_, i) => [100, 256 << 10, 5, 20_000, 70_000][i % 5]!);
      const buffer = Buffer.alloc(256 << 10);
      await using api = await serveFakes({
        containers: {
          archiveGet: async () => ({
            stat: { name: "f", size: 1, mode: 420, mtime: "2024-01-01T00:00:00Z", linkTarget: "" },
            tar: (async function* () {
              for (const [i, size] of sizes.entries()) yield buffer.subarray(0, size).fill(i + 1);
            })(),
          }),
        },
      });
      const client = new RawClient(api.path);
      client.write(`GET /containers/x/archive?path=/f HTTP/1.0\r\nHost: d\r\n${extra}\r\n`);
      client.socket.pause();
      for (let wake = 0; wake < 100; wake++) {
        await Bun.sleep(1);
        client.socket.resume();
        await Bun.sleep(0);
        client.socket.pause();
      }
      client.socket.resume();
      await client.toEnd();
      const body = client.received.subarray(client.received.indexOf("\r\n\r\n") + 4);
      const wanted = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)));
      expect(body.equals(wanted)).toBe(true);
    },
  );

  test("a failure amid an upload is told, though the body has not come in", async () => {
    await using api = await serveFakes({
      containers: {
        archivePut: async (_ref, _path, body) => {
          for await (const _ of body) throw notFound("Could not find the file /x in container y");
        },
      },
    });
    const client = new RawClient(api.path);
    client.write(
      "PUT /containers/x/archive?path=/x HTTP/1.1\r\nHost: d\r\nContent-Length: 100000000\r\n\r\n",
    );
    client.write(Buffer.alloc(4 << 20));
    const text = await client.until((got) => got.endsWith("}\n"));
    expect(text).toStartWith("HTTP/1.1 404 ");
    expect(text).toContain("Could not find the file /x in container y");
    client.close();
  });

  test("a failure before the first byte of a download is an ordinary answer", async () => {
    await using api = await serveFakes({
      containers: {
        // biome-ignore lint/correctness/useYield: it fails before it could
        exportTar: async function* () {
          throw notFound("No such container: x");
        },
      },
    });
    expect((await ask(api, "GET", "/containers/x/export")).status).toBe(404);
    expect((await ask(api, "HEAD", "/containers/x/archive")).status).toBe(400);
  });
});

describe("progress", () => {
  test("is one JSON object a line, with a late failure as the last", async () => {
    await using api = await serveFakes({
      images: {
        load: async (body, options, report) => {
          let size = 0;
          for await (const bytes of body) size += bytes.length;
          if (size === 0) throw new EngineError("InvalidParameter", "empty archive");
          report({ stream: `Loaded ${size} ${options.quiet}\n` });
          throw new EngineError("InvalidParameter", "broken archive");
        },
        import: async () => {
          throw new EngineError("InvalidParameter", "empty archive");
        },
      },
    });
    const headers = { "Content-Type": "application/x-tar" };
    const answer = await ask(api, "POST", "/images/load?quiet=1", "tar", headers);
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(
      '{"stream":"Loaded 3 true\\n"}\r\n{"errorDetail":{"message":"broken archive"},"error":"broken archive"}\r\n',
    );
    const early = await ask(api, "POST", "/images/load", "", headers);
    expect([early.status, early.json]).toEqual([
      200,
      { errorDetail: { message: "empty archive" }, error: "empty archive" },
    ]);
    expect((await ask(api, "POST", "/images/create?fromSrc=-", "", headers)).status).toBe(400);
  });

  test("a failure amid an upload is told in the stream, though the rest has not come in", async () => {
    await using api = await serveFakes({
      images: {
        load: async (body) => {
          for await (const _ of body) throw new EngineError("InvalidParameter", "no archive");
        },
      },
    });
    const client = new RawClient(api.path);
    client.write("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 8388608\r\n\r\n");
    client.write(Buffer.alloc(4 << 20));
    await client.until((got) => got.includes('"error":"no archive"'));
    client.write(Buffer.alloc(4 << 20));
    await client.until((got) => got.endsWith("0\r\n\r\n"));
    client.close();
  });
});
