import { afterAll, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { decodeMulti, ExtensionCodec, encode } from "@msgpack/msgpack";
import { STDERR, STDOUT } from "../../../lib/index.ts";
import { DatagramReceiver } from "../../../linux/fixtures/datagram-receiver.ts";
import { connectDatagram } from "../../../linux/index.ts";
import { records, temporaryDirectory } from "../testing.ts";
import { FluentdSink } from "./fluentd.ts";
import { fluentdOptions } from "./fluentd-options.ts";
import { JournaldSink, journalName } from "./journald.ts";
import { LineAssembler } from "./lines.ts";
import type { LogLine } from "./sink.ts";
import { SyslogFormatter, SyslogSink } from "./syslog.ts";
import { checkSyslog, syslogOptions } from "./syslog-options.ts";

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

const line = (text: string, stream: 1 | 2 = STDOUT): LogLine => ({
  stream,
  time: { seconds: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000, nanoseconds: 123456789 },
  text: Buffer.from(text),
});

/** A server that keeps what it is sent. */
async function listen(onData: (socket: Socket, received: Buffer) => void = () => {}, path?: string) {
  const state = { received: Buffer.alloc(0), sockets: [] as Socket[] };
  const server = createServer((socket) => {
    state.sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      state.received = Buffer.concat([state.received, bytes]);
      onData(socket, bytes);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) =>
    server.listen(path ?? { port: 0, host: "127.0.0.1" }, () => resolve()),
  );
  const address = server.address();
  return { state, server, port: typeof address === "object" && address !== null ? address.port : 0 };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(2);
}

describe("lines", () => {
  const texts = (lines: readonly LogLine[]) =>
    lines.map((l) => [
      l.stream,
      Buffer.from(l.text).toString().slice(0, 20),
      l.partial?.ordinal,
      l.partial?.last,
    ]);

  test("of mixed streams are put together", () => {
    const lines = new LineAssembler();
    const block = Buffer.concat([
      records(STDOUT, "a\nb"),
      records(STDERR, "x\n"),
      records(STDOUT, "c\n\nrest"),
    ]);
    expect(texts(lines.lines(block))).toEqual([
      [1, "a", undefined, undefined],
      [2, "x", undefined, undefined],
      [1, "bc", undefined, undefined],
      [1, "", undefined, undefined],
    ]);
    expect(texts(lines.rest())).toEqual([[1, "rest", undefined, undefined]]);
    expect(lines.rest()).toEqual([]);
  });

  test("longer than 16 KiB come in parts with one id", () => {
    const lines = new LineAssembler();
    const long = Buffer.concat(Array.from({ length: 5 }, () => records(STDOUT, "y".repeat(8000))));
    const parts = [...lines.lines(long), ...lines.lines(records(STDOUT, "\n"))];
    expect(parts.map((p) => [p.text.length, p.partial?.ordinal, p.partial?.last])).toEqual([
      [16384, 1, false],
      [16384, 2, false],
      [7232, 3, true],
    ]);
    expect(new Set(parts.map((p) => p.partial?.id)).size).toBe(1);
  });

  test("that are open survive the daemon", () => {
    const before = new LineAssembler();
    expect(before.lines(records(STDOUT, "begun "))).toEqual([]);
    const after = new LineAssembler(JSON.parse(JSON.stringify(before.open())));
    expect(texts(after.lines(records(STDOUT, "and ended\n")))).toEqual([
      [1, "begun and ended", undefined, undefined],
    ]);
  });
});

describe("syslog", () => {
  const message = (options: Record<string, string>, l = line("hello")) =>
    new SyslogFormatter(syslogOptions(options), "tag").message(l).toString();
  const date = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
  const clock = date.toTimeString().slice(0, 8);

  test("formats", () => {
    const day = String(date.getDate()).padStart(2);
    expect(message({})).toBe(`<30>Jan ${day} ${clock} tag[${process.pid}]: hello\n`);
    expect(message({ "syslog-format": "rfc3164", "syslog-facility": "local3" }, line("oh", STDERR))).toBe(
      `<155>Jan ${day} ${clock} ${hostname()} tag[${process.pid}]: oh\n`,
    );
    expect(message({ "syslog-format": "rfc5424", "syslog-facility": "16" })).toMatch(
      new RegExp(
        `^<134>1 2026-01-0\\dT${clock}(Z|[+-]\\d\\d:\\d\\d) ${hostname()} tag ${process.pid} tag - hello\n$`,
      ),
    );
    expect(message({ "syslog-format": "rfc5424micro" })).toContain(`T${clock}.123456`);
    const overTls = message({ "syslog-format": "rfc5424", "syslog-address": "tcp+tls://h" });
    const [length, rest] = [overTls.slice(0, overTls.indexOf(" ")), overTls.slice(overTls.indexOf(" ") + 1)];
    expect(Number(length)).toBe(rest.length);
  });

  test("options that are none", () => {
    const refused = (options: Record<string, string>) => () => checkSyslog(options);
    expect(refused({ "syslog-address": "http://x" })).toThrow("unsupported scheme: 'http'");
    expect(refused({ "syslog-address": "unix:///nowhere" })).toThrow(
      "stat /nowhere: no such file or directory",
    );
    expect(refused({ "syslog-facility": "local9" })).toThrow("invalid syslog facility");
    expect(refused({ "syslog-facility": "24" })).toThrow("invalid syslog facility");
    expect(refused({ "syslog-format": "x" })).toThrow("Invalid syslog format");
    expect(syslogOptions({ "syslog-address": "udp://1.2.3.4" }).address).toEqual({
      kind: "udp",
      host: "1.2.3.4",
      port: 514,
    });
    expect(syslogOptions({ "syslog-address": "tcp://[::1]:99" }).address).toMatchObject({
      host: "::1",
      port: 99,
    });
  });

  test("over TCP, and again after the server went away", async () => {
    const { state, port } = await listen();
    const sink = new SyslogSink(
      syslogOptions({ "syslog-address": `tcp://127.0.0.1:${port}` }),
      "t",
      undefined,
    );
    await sink.connect();
    await sink.send([line("one"), line(""), line("two")]);
    await until(() => state.received.toString().endsWith("two\n"));
    expect(state.received.toString().trim().split("\n")).toHaveLength(2);
    for (const socket of state.sockets) socket.destroy();
    await Bun.sleep(20);
    await sink.send([line("three")]);
    await until(() => state.received.toString().endsWith("three\n"));
    sink.close();
  });

  test("over a Unix stream", async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/log`;
    const { state } = await listen(undefined, path);
    const sink = new SyslogSink(syslogOptions({ "syslog-address": `unix://${path}` }), "t", undefined);
    await sink.send([line("here")]);
    await until(() => state.received.toString().endsWith("here\n"));
    sink.close();
  });

  test("over UDP: a packet a line", async () => {
    const server = createSocket("udp4");
    const packets: string[] = [];
    server.on("message", (packet) => packets.push(packet.toString()));
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", () => resolve()));
    const address = `udp://127.0.0.1:${server.address().port}`;
    const sink = new SyslogSink(syslogOptions({ "syslog-address": address }), "t", undefined);
    await sink.send([line("one"), line("two")]);
    await until(() => packets.length === 2);
    expect(packets.map((packet) => packet.slice(-4))).toEqual(["one\n", "two\n"]);
    sink.close();
    server.close();
  });

  test("nobody answers", async () => {
    const { server, port } = await listen();
    await new Promise((resolve) => server.close(resolve));
    const sink = new SyslogSink(
      syslogOptions({ "syslog-address": `tcp://127.0.0.1:${port}` }),
      "t",
      undefined,
    );
    expect(sink.connect()).rejects.toThrow(`dial tcp 127.0.0.1:${port}: connect: connection refused`);
  });
});

const codec = new ExtensionCodec();
codec.register({
  type: 0,
  encode: () => null,
  decode: (data) => {
    const view = new DataView(data.buffer, data.byteOffset);
    return `${view.getUint32(0)}.${view.getUint32(4)}`;
  },
});
const decodeAll = (bytes: Buffer) => [...decodeMulti(bytes, { extensionCodec: codec })] as unknown[][];

describe("fluentd", () => {
  const source = {
    tag: "tag",
    containerId: "id",
    containerName: "/name",
    extra: new Map([["label", "value"]]),
  };
  const sinkTo = (port: number, options = {}) =>
    new FluentdSink(fluentdOptions({ "fluentd-address": `127.0.0.1:${port}`, ...options }), source);

  test("messages", async () => {
    const { state, port } = await listen();
    const sink = sinkTo(port, { "fluentd-sub-second-precision": "true" });
    const partial = { id: "p", ordinal: 2, last: false };
    await sink.send([line("hello"), { ...line("oh", STDERR), partial }]);
    await until(() => state.received.includes("partial_last"));
    const seconds = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
    const common = { container_id: "id", container_name: "/name", label: "value" };
    expect(decodeAll(state.received)).toEqual([
      ["tag", `${seconds}.123456789`, { ...common, source: "stdout", log: "hello" }, {}],
      [
        "tag",
        `${seconds}.123456789`,
        {
          ...common,
          source: "stderr",
          log: "oh",
          partial_message: "true",
          partial_id: "p",
          partial_ordinal: "2",
          partial_last: "false",
        },
        {},
      ],
    ]);
    sink.close();
  });

  test("waits for the server to have them, where asked to", async () => {
    let confirmed = 0;
    const { port } = await listen((socket, bytes) => {
      for (const message of decodeAll(bytes)) {
        confirmed++;
        socket.write(encode({ ack: (message[3] as { chunk: string }).chunk }));
      }
    });
    const sink = sinkTo(port, { "fluentd-request-ack": "true" });
    await sink.send([line("a"), line("b"), line("c")]);
    expect(confirmed).toBe(3);
    sink.close();
  });

  test("a server that goes away without a word is an error, so that the lines are sent again", async () => {
    const { port } = await listen((socket) => socket.destroy());
    const sink = sinkTo(port, { "fluentd-request-ack": "1" });
    expect(sink.send([line("a")])).rejects.toThrow();
    sink.close();
  });

  test("options that are none", () => {
    const refused = (options: Record<string, string>) => () => fluentdOptions(options);
    expect(refused({ "fluentd-address": "udp://x" })).toThrow("unsupported scheme: 'udp'");
    expect(refused({ "fluentd-address": "tcp://x:1/path" })).toThrow("should not contain a path element");
    expect(refused({ "fluentd-address": "unix://" })).toThrow("path is empty");
    expect(refused({ "fluentd-async": "maybe" })).toThrow('parsing "maybe": invalid syntax');
    expect(refused({ "fluentd-retry-wait": "1" })).toThrow("invalid duration");
    expect(refused({ "fluentd-async-reconnect-interval": "1ms" })).toThrow("must be between 100ms and 10s");
    expect(refused({ "fluentd-max-retries": "4294967296" })).toThrow("out of range");
    expect(fluentdOptions({})).toMatchObject({
      address: { kind: "tcp", host: "127.0.0.1", port: 24224 },
      async: false,
      retryWait: 1000,
    });
  });
});

/** An entry of systemd's native protocol, read by its own rules. */
function journalEntry(bytes: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\n", at);
    const [name = "", ...value] = bytes.toString("utf8", at, end).split("=");
    const isText = bytes.subarray(at, end).includes("=");
    const length = isText ? 0 : Number(bytes.readBigUInt64LE(end + 1));
    fields[name] = isText ? value.join("=") : bytes.toString("utf8", end + 9, end + 9 + length);
    at = isText ? end + 1 : end + 9 + length + 1;
  }
  return fields;
}

describe("journald", () => {
  test("is refused where there is none", () => {
    const source = { containerId: "i", containerName: "n", imageName: "m", tag: "t", extra: new Map() };
    expect(new JournaldSink(source, undefined).connect()).rejects.toThrow(
      "journald is not enabled on this host",
    );
  });

  test("entries arrive with their fields, also after the journal was started anew", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "socket");
    const source = {
      containerId: "0123456789abcdef",
      containerName: "web",
      imageName: "nginx:1",
      tag: "tagged",
      extra: new Map([["com.example", "yes"]]),
    };
    const sink = new JournaldSink(source, connectDatagram, path);
    expect(sink.connect()).rejects.toThrow("journald is not enabled on this host");
    const first = new DatagramReceiver(path);
    await sink.connect();
    await sink.send([line("out"), line("two\nlines", STDERR)]);
    const [out, err, ...none] = first.take().map(journalEntry);
    expect(none).toEqual([]);
    expect(out).toMatchObject({
      MESSAGE: "out",
      PRIORITY: "6",
      SYSLOG_TIMESTAMP: "2026-01-02T03:04:05.123456789Z",
      CONTAINER_ID: "0123456789ab",
      CONTAINER_ID_FULL: "0123456789abcdef",
      CONTAINER_NAME: "web",
      CONTAINER_TAG: "tagged",
      SYSLOG_IDENTIFIER: "tagged",
      IMAGE_NAME: "nginx:1",
      COM_EXAMPLE: "yes",
      CONTAINER_LOG_ORDINAL: "1",
    });
    expect(err).toMatchObject({ MESSAGE: "two\nlines", PRIORITY: "3", CONTAINER_LOG_ORDINAL: "2" });
    first[Symbol.dispose]();
    expect(sink.send([line("lost and sent again")])).rejects.toThrow("ECONNREFUSED");
    rmSync(path);
    using second = new DatagramReceiver(path);
    await sink.send([line("again")]);
    expect(second.take().map(journalEntry)).toMatchObject([{ MESSAGE: "again" }]);
    sink.close();
  });

  test("names of fields", () => {
    expect(journalName("com.example.a-b")).toBe("COM_EXAMPLE_A_B");
    expect(journalName("_x1")).toBe("X1");
  });
});
