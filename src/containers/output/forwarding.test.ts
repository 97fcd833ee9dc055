import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { HostConfig } from "../../wire/index.ts";
import { ContainerFixture } from "./container-fixture.ts";
import { bytesOf, collect } from "./testing.ts";

const engine = new ContainerFixture();
afterAll(() => engine[Symbol.asyncDispose]());

/** A syslog server that can go away and come back. */
class LogServer implements AsyncDisposable {
  port = 0;
  received = "";
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  async up(options = { deaf: false }): Promise<this> {
    const server = createServer({ pauseOnConnect: options.deaf }, (socket) => {
      this.#sockets.add(socket);
      if (options.deaf) return;
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        this.received += bytes.toString();
      });
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", () => resolve());
    });
    this.port = (server.address() as { port: number }).port;
    return this;
  }

  async down(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** What containers printed, without what syslog puts in front. */
  get lines(): string[] {
    return this.received
      .split("\n")
      .slice(0, -1)
      .map((line) => line.replace(/^.*?\]: /, ""));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }
}

const syslogTo = (server: LogServer, more: Record<string, string> = {}): HostConfig => ({
  LogConfig: { Type: "syslog", Config: { "syslog-address": `tcp://127.0.0.1:${server.port}`, ...more } },
});

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

async function logs(record: Parameters<typeof engine.wait>[0]): Promise<string> {
  const options = { stdout: true, stderr: true, timestamps: false, follow: false, details: false };
  const { output } = await engine.streams.outputs.logs(record, options, new AbortController().signal);
  return bytesOf(await collect(output)).toString();
}

describe("a container whose output is forwarded", () => {
  test("is heard by the server, in order and with its tag, and `logs` still works", async () => {
    await using server = await new LogServer().up();
    const host = syslogTo(server, { tag: "{{.Name}}-tag" });
    const record = await engine.run(["/bin/sh", "-c", "seq 1 5000; printf unfinished"], {}, host);
    await engine.wait(record);
    await until(() => server.lines.includes("unfinished"));
    expect(server.lines).toEqual([...numbers(1, 5000), "unfinished"]);
    expect(server.received).toContain(` ${record.name}-tag[`);
    expect(await logs(record)).toBe(`${numbers(1, 5000).join("\n")}\nunfinished`);
  });

  test("is not started where nobody answers", async () => {
    const server = await new LogServer().up();
    await server.down();
    const record = await engine.create(["/bin/true"], {}, syslogTo(server));
    await expect(engine.start(record)).rejects.toThrow(
      `failed to initialize logging driver: dial tcp 127.0.0.1:${server.port}: connect: connection refused`,
    );
  });

  test("does not notice that the server was away, nor does the server's log", async () => {
    await using server = await new LogServer().up();
    const script = "seq 1 100; read x; seq 101 200; read x; seq 201 300";
    const record = await engine.run(["/bin/sh", "-c", script], { OpenStdin: true }, syslogTo(server));
    const input = await engine.host.openInput(engine.host.bundle(record.id));
    await until(() => server.lines.length === 100);
    await server.down();
    await Bun.sleep(20);
    await input.write(Buffer.from("\n"));
    await Bun.sleep(200);
    await server.up();
    await until(() => server.lines.length >= 200);
    await input.write(Buffer.from("\n"));
    await engine.wait(record);
    await until(() => server.lines.includes("300"));
    expect(server.lines).toEqual(numbers(1, 300));
    await input[Symbol.asyncDispose]();
  });

  test("loses and doubles nothing when the daemon is restarted under it", async () => {
    await using server = await new LogServer().up();
    const script =
      "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; printf half; read x; echo -line";
    const record = await engine.run(["/bin/sh", "-c", script], { OpenStdin: true }, syslogTo(server));
    for (let i = 0; i < 5; i++) await engine.restartDaemon();
    await until(() => server.lines.length === 3000);
    await engine.restartDaemon();
    const input = await engine.host.openInput(engine.host.bundle(record.id));
    await input.write(Buffer.from("\n"));
    await engine.wait(record);
    await until(() => server.lines.length > 3000);
    expect(server.lines).toEqual([...numbers(0, 2999), "half-line"]);
    await input[Symbol.asyncDispose]();
  });

  test("goes on with the next run where the last one ended", async () => {
    await using server = await new LogServer().up();
    const record = await engine.run(["/bin/echo", "run"], {}, syslogTo(server));
    await engine.wait(record);
    await engine.start(record);
    await engine.wait(record);
    await until(() => server.lines.length === 2);
    await Bun.sleep(20);
    expect(server.lines).toEqual(["run", "run"]);
  });

  test("keeps nothing here where its cache is off", async () => {
    await using server = await new LogServer().up();
    const host = syslogTo(server, { "cache-disabled": "true" });
    const record = await engine.run(["/bin/echo", "hello"], {}, host);
    await engine.wait(record);
    await until(() => server.lines.length === 1);
    expect(logs(record)).rejects.toThrow("configured logging driver does not support reading");
    const directory = engine.host.containerDirectory(record.id);
    expect(existsSync(`${directory}/attach.log`)).toBe(false);
    await engine.start(record);
    await engine.wait(record);
    await until(() => server.lines.length === 2);
  });

  test("is let go by a daemon that stops, though the server takes nothing", async () => {
    await using deaf = await new LogServer().up({ deaf: true });
    const record = await engine.run(["/bin/seq", "1", "2000000"], {}, syslogTo(deaf));
    await engine.wait(record);
    await engine.restartDaemon();
  });

  test("is let go with its container, though the server is away", async () => {
    const server = await new LogServer().up();
    const record = await engine.run(["/bin/sleep", "1000"], {}, syslogTo(server));
    await server.down();
    await engine.kill(record);
    engine.streams.outputs.remove(record.id);
  });
});
