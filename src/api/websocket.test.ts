import { describe, expect, test } from "bun:test";
import { notFound } from "../lib/index.ts";
import { FakeProcess, RawClient, serveFakes, type TestServer } from "./testing.ts";

const HANDSHAKE = (url: string, extra = "Sec-WebSocket-Version: 13\r\n") =>
  `GET ${url} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra}\r\n`;
const URL = "/containers/x/attach/ws?stream=1&stdin=1&stdout=1&stderr=1";

/** A client's frame: masked, as it must be. */
function frame(
  opcode: number,
  payload: Uint8Array | string,
  options: { fin?: boolean; masked?: boolean } = {},
) {
  const bytes = Buffer.from(payload as string);
  const masked = options.masked ?? true;
  const first = (options.fin === false ? 0 : 0x80) | opcode;
  const bit = masked ? 0x80 : 0;
  const head =
    bytes.length < 126
      ? Buffer.from([first, bit | bytes.length])
      : Buffer.from([first, bit | 126, bytes.length >> 8, bytes.length & 255]);
  if (!masked) return Buffer.concat([head, bytes]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([head, mask, bytes.map((byte, i) => byte ^ mask[i & 3]!)]);
}

/** The server's frames, as `opcode:payload`. */
function parse(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = bytes[at + 1]!;
    let offset = 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at + 2);
      offset = 4;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at + 2));
      offset = 10;
    }
    const payload = bytes.subarray(at + offset, at + offset + length);
    found.push(`${bytes[at]! & 15}:${length > 200 ? `${length} bytes` : payload.toString("latin1")}`);
    at += offset + length;
  }
  return found;
}

const bodyOf = (received: Buffer) => received.subarray(received.indexOf("\r\n\r\n") + 4);

async function connect(process: FakeProcess): Promise<{ api: TestServer; client: RawClient }> {
  const api = await serveFakes({
    containers: {
      attach: async (ref, _options, signal) => {
        if (ref === "none") throw notFound("No such container: none");
        return process.session({ signal });
      },
    },
  });
  const client = new RawClient(api.path);
  client.write(HANDSHAKE(URL));
  await client.until((text) => text.includes("\r\n\r\n"));
  return { api, client };
}

describe("attach over a WebSocket", () => {
  test("greets as RFC 6455 says and carries bytes both ways, raw", async () => {
    const process = new FakeProcess();
    const { api, client } = await connect(process);
    await using _ = api;
    // The accept value of the RFC's own example.
    expect(client.text).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect(client.text).toMatch(/^HTTP\/1.1 101 .*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/s);
    client.write(Buffer.concat([frame(1, "he", { fin: false }), frame(0, "llo"), frame(2, " you")]));
    await process.untilInput((it) => it.inputText === "hello you");
    process.print("out");
    process.print("err", 2);
    process.print(Buffer.alloc(300));
    process.print(Buffer.alloc(70_000));
    process.exit();
    await client.toEnd();
    expect(parse(bodyOf(client.received))).toEqual([
      "2:out",
      "2:err",
      "2:300 bytes",
      "2:70000 bytes",
      "8:\x03\xe8",
    ]);
  });

  test("a frame may come byte by byte, and a ping is answered", async () => {
    const process = new FakeProcess();
    const { api, client } = await connect(process);
    await using _ = api;
    for (const byte of Buffer.concat([frame(9, "beat"), frame(2, "x".repeat(200))])) {
      client.write(Buffer.from([byte]));
    }
    await process.untilInput((it) => it.inputText.length === 200);
    process.exit();
    await client.toEnd();
    expect(parse(bodyOf(client.received))[0]).toBe("10:beat");
  });

  test("whoever asks for answers and reads none makes the server wait, not grow", async () => {
    const { api, client } = await connect(new FakeProcess());
    await using _ = api;
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(9, "x".repeat(125))));
    client.socket.pause();
    const before = process.memoryUsage.rss();
    let taken = 0;
    for (let round = 0; round < 300 && client.socket.writableLength < 4 << 20; round++) {
      client.write(pings);
      await Bun.sleep(1);
      taken = client.socket.bytesWritten - client.socket.writableLength;
    }
    // What the kernel holds on the way there and back.
    expect(taken).toBeLessThan(2 << 20);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20);
    client.close();
    expect((await fetch("http://d/_ping", { unix: api.path })).status).toBe(200);
  });

  test("nothing that follows the client's close is answered", async () => {
    const process = new FakeProcess();
    const { api, client } = await connect(process);
    await using _ = api;
    const flood = Array.from({ length: 100 }, () => [frame(8, ""), frame(9, "x"), frame(2, "late")]).flat();
    client.write(Buffer.concat(flood));
    await client.toEnd();
    expect(parse(bodyOf(client.received))).toEqual(["8:"]);
    expect(process.received).toEqual([]);
    process.exit();
  });

  test("a large message that comes in small pieces", async () => {
    const process = new FakeProcess();
    const { api, client } = await connect(process);
    await using _ = api;
    const bytes = frame(2, Buffer.alloc(60_000, 1));
    for (let at = 0; at < bytes.length; at += 7) client.write(bytes.subarray(at, at + 7));
    await process.untilInput((it) => Buffer.concat(it.received).length === 60_000);
    expect(Buffer.concat(process.received).every((byte) => byte === 1)).toBe(true);
    process.exit();
  });

  test("the client's close ends the input and is answered", async () => {
    const process = new FakeProcess();
    const { api, client } = await connect(process);
    await using _ = api;
    client.write(frame(8, Buffer.from([0x03, 0xe8])));
    await process.untilInput((it) => it.inputEnded);
    await client.toEnd();
    expect(parse(bodyOf(client.received))).toEqual(["8:\x03\xe8"]);
    process.exit();
  });

  const wrong: [string, Uint8Array, number][] = [
    ["a frame without a mask", frame(2, "x", { masked: false }), 1002],
    ["reserved bits", frame(2 | 0x40, "x"), 1002],
    ["an unknown opcode", frame(5, "x"), 1002],
    ["a length beyond all measure", Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255]), 1009],
  ];
  for (const [name, bytes, code] of wrong) {
    test(`${name} closes with ${code}`, async () => {
      const process = new FakeProcess();
      const { api, client } = await connect(process);
      await using _ = api;
      client.write(bytes);
      await client.toEnd();
      const body = bodyOf(client.received);
      expect(body[0]).toBe(0x88);
      expect(body.readUInt16BE(2)).toBe(code);
      expect(process.received).toEqual([]);
      process.exit();
    });
  }

  test("what is no handshake, or fails, is an ordinary answer", async () => {
    const { api } = await connect(new FakeProcess());
    await using _ = api;
    for (const [request, status, message] of [
      [`GET ${URL} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`, 400, "not websocket protocol"],
      [HANDSHAKE(URL, ""), 400, "missing or bad WebSocket Version"],
      [HANDSHAKE(URL.replace("/x/", "/none/")), 404, "No such container: none"],
    ] as const) {
      const client = new RawClient(api.path);
      client.write(request);
      const text = await client.toEnd();
      expect(text).toStartWith(`HTTP/1.1 ${status} `);
      expect(text).toContain(message);
    }
  });
});
