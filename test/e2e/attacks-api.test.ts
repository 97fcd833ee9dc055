// Requests that nobody with good intentions sends, to a whole engine, which answers each with a 4xx and goes on. What the
// HTTP server alone must withstand is tried beside the code (src/api).
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { ContainerCreateRequestSchema } from "../../src/wire/index.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

// A machine may be busy; none of these is about time.
setDefaultTimeout(60_000);
const { docker, engine, eventually } = useEngine();

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(method: string, path: string, body?: string): Promise<Answer> {
  const response = await fetch(`http://d${path}`, {
    unix: engine().socket,
    method,
    signal: AbortSignal.timeout(30_000),
    ...(body === undefined ? {} : { body, headers: { "Content-Type": "application/json" } }),
  });
  return { status: response.status, text: await response.text() };
}

/** A connection that says what it is told. */
function connection(first: string | Uint8Array): Socket {
  const socket = createConnection({ path: engine().socket, allowHalfOpen: true });
  socket.on("error", () => {});
  socket.write(first);
  return socket;
}

const memory = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${engine().pid}/status`, "utf8"))?.[1]) * 1024;
const descriptors = () => readdirSync(`/proc/${engine().pid}/fd`).length;

async function stillServes(): Promise<void> {
  expect(await ask("GET", "/_ping")).toEqual({ status: 200, text: "OK" });
}

/** What was asked, where it was answered with a failure of the engine's own. */
async function failures(requests: readonly (readonly [string, string, string?])[]): Promise<string[]> {
  const found: string[] = [];
  for (const [method, path, body] of requests) {
    const { status, text } = await ask(method, path, body);
    if (status === 500 || status < 200)
      found.push(`${method} ${path.slice(0, 100)} ${body?.slice(0, 100)}: ${status} ${text}`);
    if (status === 201 && path.startsWith("/containers/create")) {
      const { Id } = JSON.parse(text) as { Id: string };
      const shown = await ask("GET", `/containers/${Id}/json`);
      if (shown.status !== 200) found.push(`inspect after ${body}: ${shown.text}`);
      await ask("DELETE", `/containers/${Id}?force=1&v=1`);
    }
  }
  return found;
}

describe("names and ids", () => {
  const TRICKS = [
    ...[
      "..",
      "%2e%2e",
      "..%2f..%2fetc",
      "%252e%252e",
      "a%00b",
      "%ff%fe",
      "%0d%0aX:%20y",
      "%20",
      "*",
      '"',
      "'",
      "\\",
    ],
    ...[
      "__proto__",
      "constructor",
      "toString",
      "$(id)",
      ";id",
      "-",
      "sha256:",
      ":",
      "@",
      "a".repeat(4000),
      "%F0%9F%92%A9",
    ],
  ];

  test("what is no name is refused, whatever is asked of it", async () => {
    const requests = TRICKS.flatMap((id): [string, string, string?][] => [
      ...[
        "json",
        "top",
        "changes",
        "export",
        "logs?stdout=1",
        "stats?stream=0",
        "archive?path=/etc",
        "attach/ws",
      ].map((what): [string, string] => ["GET", `/containers/${id}/${what}`]),
      ...[
        "start",
        "stop",
        "restart",
        "kill",
        "pause",
        "unpause",
        "rename?name=xx",
        "wait",
        "attach?stream=1",
      ].map((what): [string, string] => ["POST", `/containers/${id}/${what}`]),
      ["POST", `/containers/${id}/update`, "{}"],
      ["POST", `/containers/${id}/exec`, '{"Cmd":["ls"]}'],
      ["DELETE", `/containers/${id}?force=1`],
      ["PUT", `/containers/${id}/archive?path=/`],
      ["POST", `/exec/${id}/start`, "{}"],
      ["GET", `/exec/${id}/json`],
      ["GET", `/images/${id}/json`],
      ["GET", `/images/${id}/get`],
      ["DELETE", `/images/${id}`],
      ["GET", `/networks/${id}`],
      ["DELETE", `/networks/${id}`],
      ["GET", `/volumes/${id}`],
      ["DELETE", `/volumes/${id}`],
    ]);
    expect(await failures(requests)).toEqual([]);
    await stillServes();
  });

  test("names that are made stay names: nothing is written elsewhere", async () => {
    const before = readdirSync(join(engine().root, "data/volumes"));
    const names = [
      ...TRICKS.map((name) => (name.length > 1000 ? name : decode(name))),
      "../x",
      "a/../../b",
      "/abs",
      ".hidden",
    ];
    const requests = names.flatMap((name): [string, string, string?][] => [
      ["POST", `/containers/create?name=${encodeURIComponent(name)}`, JSON.stringify({ Image: IMAGE })],
      ["POST", "/containers/create", JSON.stringify({ Image: IMAGE, HostConfig: { Binds: [`${name}:/v`] } })],
      [
        "POST",
        "/containers/create",
        JSON.stringify({ Image: IMAGE, HostConfig: { Binds: [`vol:/v/${name}`] } }),
      ],
      ["POST", `/images/${IMAGE}/tag?repo=${encodeURIComponent(name)}&tag=${encodeURIComponent(name)}`],
      ["POST", "/volumes/create", JSON.stringify({ Name: name })],
    ]);
    expect(await failures(requests)).toEqual([]);
    for (const { Name } of JSON.parse((await ask("GET", "/volumes")).text).Volumes as { Name: string }[]) {
      expect(Name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
      await ask("DELETE", `/volumes/${Name}`);
    }
    expect(readdirSync(join(engine().root, "data/volumes"))).toEqual(before);
  });

  test("a beginning that several ids have is refused, and touches none of them", async () => {
    const ids: string[] = [];
    // Of seventeen ids two begin alike.
    for (let i = 0; i < 17; i++) ids.push(await docker("create", IMAGE, "true"));
    const digits = ids.map((id) => id[0]!);
    const twice = digits.find((digit, i) => digits.indexOf(digit) !== i)!;
    for (const [method, path] of [
      ["GET", `/containers/${twice}/json`],
      ["DELETE", `/containers/${twice}?force=1`],
      ["POST", `/containers/${twice}/start`],
    ] as const) {
      const { status, text } = await ask(method, path);
      expect({ status, text }).toEqual({
        status: 400,
        text: expect.stringContaining("multiple IDs found with provided prefix"),
      });
    }
    expect((await docker("ps", "-aq")).split("\n").length).toBe(17);
    await docker("rm", ...ids);
  });
});

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

describe("bodies", () => {
  const VALUES = [
    ...[
      "null",
      "true",
      "-1",
      "1.5",
      "1e300",
      "9007199254740993",
      '""',
      '"x"',
      '"\\u0000"',
      '"\\u001b[2J\\n"',
      '"../../etc"',
    ],
    ...[
      "[]",
      "[null]",
      "[1]",
      '["x"]',
      "[[]]",
      "[{}]",
      "{}",
      '{"a":null}',
      '{"a":1}',
      '{"":""}',
      '{"__proto__":{"a":1}}',
    ],
    ...[
      '{"80/tcp":[{"HostPort":"x"}]}',
      '{"../..":{}}',
      '{"/proc":{}}',
      '{"/":{}}',
      `"${"a".repeat(50_000)}"`,
    ],
  ];
  const fieldsOf = (schema: unknown): Record<string, unknown> => {
    const { anyOf, properties } = schema as { anyOf?: unknown[]; properties?: Record<string, unknown> };
    const struct = anyOf?.find((one) => (one as { properties?: unknown }).properties !== undefined);
    return properties ?? (struct === undefined ? {} : fieldsOf(struct));
  };
  const fields = fieldsOf(ContainerCreateRequestSchema);
  const bodyWith = (field: string, value: string) => `{"Image":"${IMAGE}","${field}":${value}}`;
  const withHost = (field: string, value: string) =>
    `{"Image":"${IMAGE}","HostConfig":{"${field}":${value}}}`;

  test("every field of a container with every kind of value: taken and shown, or refused", async () => {
    const requests = VALUES.flatMap((value) => [
      ...Object.keys(fields).map((field) => bodyWith(field, value)),
      ...Object.keys(fieldsOf(fields["HostConfig"])).map((field) => withHost(field, value)),
    ]).map((body): [string, string, string] => ["POST", "/containers/create", body]);
    expect(requests.length).toBeGreaterThan(2000);
    expect(await failures(requests)).toEqual([]);
    await stillServes();
  });

  test("what is no JSON, or not what it seems", async () => {
    const bodies = [
      "",
      "{",
      "nul",
      "[]",
      '"x"',
      "{}{}",
      "\u0000",
      "\ufeff{}",
      "[".repeat(100_000),
      '{"a":'.repeat(100_000),
    ];
    for (const path of [
      "/containers/create",
      "/volumes/create",
      "/networks/create",
      "/containers/x/exec",
      "/containers/x/update",
    ]) {
      for (const body of bodies) {
        const { status, text } = await ask("POST", path, body);
        expect({ path, body: body.slice(0, 20), refused: status >= 400 && status < 500 }).toMatchObject({
          refused: true,
        });
        expect(typeof (JSON.parse(text) as { message: string }).message).toBe("string");
      }
    }
    await stillServes();
  });

  test("keys that mean something to JavaScript are only keys", async () => {
    const odd = '{"__proto__":"p","constructor":"c","hasOwnProperty":"h"}';
    const { status, text } = await ask(
      "POST",
      "/containers/create",
      `{"Image":"${IMAGE}","Labels":${odd},"__proto__":{"Tty":true}}`,
    );
    expect(status).toBe(201);
    const { Id } = JSON.parse(text) as { Id: string };
    const shown = await ask("GET", `/containers/${Id}/json`);
    expect(shown.text).toContain(odd.slice(1, -1));
    expect((JSON.parse(shown.text) as { Config: { Tty: boolean } }).Config.Tty).toBe(false);
    const other = await docker("create", IMAGE, "true");
    expect(JSON.parse(await docker("inspect", "-f", "{{json .Config.Labels}}", other))).toEqual({});
    await docker("rm", Id, other);
  });
});

describe("connections", () => {
  const HEAD = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n";

  test("hundreds that stop in the middle of a head or a body hold up nobody and leave nothing", async () => {
    await stillServes();
    const before = descriptors();
    const starts = [
      "",
      "POST /contain",
      HEAD,
      `${HEAD}Content-Length: 1000000\r\n\r\n{"a":"`,
      `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffff\r\n{`,
    ];
    const sockets = starts.flatMap((start) => Array.from({ length: 60 }, () => connection(start)));
    await eventually(async () => descriptors() >= before + sockets.length, true);
    await stillServes();
    for (const socket of sockets) socket.destroy();
    await eventually(async () => descriptors() <= before + 2, true);
  });

  test("a body that never ends is refused before it fills the memory", async () => {
    const before = memory();
    const socket = connection(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    let answer = "";
    socket.on("data", (bytes: Buffer) => {
      answer += bytes;
    });
    const piece = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(1 << 20, 32), Buffer.from("\r\n")]);
    for (let i = 0; i < 200 && answer === ""; i++) {
      socket.write(piece);
      await Bun.sleep(2);
    }
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(memory() - before).toBeLessThan(128 << 20);
    socket.destroy();
    await stillServes();
  });

  test("input that nobody reads makes its sender wait, by connection or by WebSocket", async () => {
    const id = await docker("create", "-i", IMAGE, "sleep", "100");
    await docker("start", id);
    const before = memory();
    const frame = Buffer.concat([
      Buffer.from([0x82, 0xfe, 0xea, 0x60, 0, 0, 0, 0]),
      Buffer.alloc(60_000, 65),
    ]);
    const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const path = `/containers/${id}/attach`;
    for (const [head, piece] of [
      [
        `POST ${path}?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
        Buffer.alloc(60_000, 65),
      ],
      [
        `GET ${path}/ws?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`,
        frame,
      ],
    ] as const) {
      const socket = connection(head);
      await new Promise((resolve) => socket.once("data", resolve));
      socket.pause();
      for (let i = 0; i < 500; i++) {
        if (socket.writableLength < 4 << 20) socket.write(piece);
        else await Bun.sleep(1);
      }
      expect(socket.bytesWritten - socket.writableLength).toBeLessThan(4 << 20);
      await stillServes();
      socket.destroy();
    }
    expect(memory() - before).toBeLessThan(64 << 20);
    await docker("rm", "-f", id);
  });

  test("a connection taken over twice, or for what cannot be", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    const created = await ask("POST", `/containers/${id}/exec`, '{"Cmd":["true"],"AttachStdout":true}');
    const { Id } = JSON.parse(created.text) as { Id: string };
    expect((await ask("POST", `/exec/${Id}/start`, "{}")).status).toBe(200);
    expect((await ask("POST", `/exec/${Id}/start`, "{}")).status).toBe(409);
    for (const head of [
      `GET /containers/${id}/json HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      `POST /containers/nobody/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      `POST /exec/${Id}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 10\r\n\r\n{"De`,
      `GET /containers/${id}/attach/ws HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    ]) {
      const socket = connection(head);
      socket.write("GARBAGE\0\xff".repeat(1000));
      socket.end();
      await new Promise((resolve) => socket.resume().once("close", resolve).once("end", resolve));
      socket.destroy();
    }
    await stillServes();
    await docker("rm", "-f", id);
  });
});
