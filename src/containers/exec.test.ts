import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { StreamSession } from "../lib/index.ts";
import type { ExecConfig } from "../wire/index.ts";
import { ContainerFixture } from "./output/container-fixture.ts";
import { bytesOf, collect } from "./output/testing.ts";
import type { ContainerRecord } from "./record.ts";

const engine = new ContainerFixture();
let record: ContainerRecord;
beforeAll(async () => {
  record = await engine.run(["/bin/sleep", "1000"]);
});
afterAll(() => engine[Symbol.asyncDispose]());

const attached = { detach: false, tty: false };
const streams: ExecConfig = { AttachStdout: true, AttachStderr: true };

function create(...Cmd: string[]) {
  return engine.streams.execs.create(record, { ...streams, Cmd }).Id;
}

async function start(
  id: string,
  options = {},
  signal = new AbortController().signal,
): Promise<StreamSession> {
  return (await engine.streams.execs.start(id, { ...attached, ...options }, signal))!;
}

const inspect = (id: string) => engine.streams.execs.inspect(id);
const eventsOf = (id: string) =>
  engine.events.filter((e) => e.attributes["execID"] === id).map((e) => [e.action, e.attributes["exitCode"]]);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(2);
}

describe("an exec", () => {
  test("tells that it is accepted before its process is there, and only if it is", async () => {
    const id = create("/bin/true");
    const seen: string[] = [];
    const onAccepted = () =>
      void seen.push(`${inspect(id).Running} ${inspect(id).Pid} ${eventsOf(id).length}`);
    await expect(start("nosuch", { onAccepted })).rejects.toThrow("No such exec instance: nosuch");
    await collect((await start(id, { onAccepted })).output);
    await expect(start(id, { onAccepted })).rejects.toThrow("has already run");
    expect(seen).toEqual(["false 0 1"]);
  });

  test("runs, tells both streams, and its exit code is known when the output has ended", async () => {
    const script = "echo out; echo err >&2; read line; exit 3";
    const id = engine.streams.execs.create(record, {
      ...streams,
      AttachStdin: true,
      Cmd: ["/bin/sh", "-c", script],
    }).Id;
    expect(inspect(id)).toMatchObject({
      ID: id,
      Running: false,
      ExitCode: null,
      Pid: 0,
      ContainerID: record.id,
    });
    expect(engine.streams.execs.idsOf(record.id)).toContain(id);
    const session = await start(id);
    expect(inspect(id)).toMatchObject({ Running: true, ExitCode: null });
    expect(inspect(id).Pid).toBeGreaterThan(0);
    session.input!.end();
    const chunks = await collect(session.output);
    expect(bytesOf(chunks, 1).toString()).toBe("out\n");
    expect(bytesOf(chunks, 2).toString()).toBe("err\n");
    expect(inspect(id)).toMatchObject({
      Running: false,
      ExitCode: 3,
      OpenStdin: true,
      OpenStdout: true,
      ProcessConfig: {
        tty: false,
        entrypoint: "/bin/sh",
        arguments: ["-c", script],
      },
    });
    expect(engine.streams.execs.idsOf(record.id)).not.toContain(id);
    expect(eventsOf(id)).toEqual([
      [`exec_create: /bin/sh -c ${script}`, undefined],
      [`exec_start: /bin/sh -c ${script}`, undefined],
      ["exec_die", "3"],
    ]);
  });

  test("leaves no descriptor, also where the input never ends, or the client leaves", async () => {
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const run = async (Tty: boolean, leaves: boolean) => {
      const config = { ...streams, AttachStdin: true, Tty, Cmd: ["/bin/sh", "-c", "echo x; sleep 0.01"] };
      const { Id } = engine.streams.execs.create(record, config);
      const leaving = new AbortController();
      const session = await start(Id, { tty: Tty }, leaving.signal);
      await session.input!.write(Buffer.from("y"));
      if (leaves) leaving.abort();
      await collect(session.output);
      await until(() => inspect(Id).ExitCode === 0);
    };
    await run(false, false);
    await run(true, false);
    const before = descriptors();
    for (let round = 0; round < 5; round++) {
      await run(false, false);
      await run(false, true);
      await run(true, false);
      await run(true, true);
    }
    await until(() => descriptors() <= before);
  });

  test("reads what is written to it, up to the end", async () => {
    const { Id } = engine.streams.execs.create(record, { ...streams, AttachStdin: true, Cmd: ["/bin/cat"] });
    const session = await start(Id);
    const data = Buffer.alloc(3_000_000, "0123456789\n");
    void session.input!.write(data).then(() => session.input!.end());
    expect(bytesOf(await collect(session.output)).equals(data)).toBe(true);
    expect(inspect(Id).ExitCode).toBe(0);
  });

  test("has a terminal with a size, which the detach keys leave", async () => {
    const { Id } = engine.streams.execs.create(record, {
      ...streams,
      AttachStdin: true,
      Tty: true,
      ConsoleSize: [10, 20],
      DetachKeys: "a,b",
      Cmd: ["/bin/sh"],
    });
    const session = await start(Id, { tty: true, consoleSize: { rows: 11, columns: 22 } });
    expect(session.tty).toBe(true);
    let seen = "";
    const reading = (async () => {
      for await (const { bytes } of session.output) seen += Buffer.from(bytes).toString();
    })();
    await session.input!.write(Buffer.from("stty size\n"));
    await until(() => seen.includes("11 22"));
    await engine.streams.execs.resize(Id, 33, 44);
    await session.input!.write(Buffer.from("stty size\n"));
    await until(() => seen.includes("33 44"));
    await session.input!.write(Buffer.from("a"));
    await session.input!.write(Buffer.from("b"));
    await reading;
    expect(inspect(Id)).toMatchObject({ Running: true, ExitCode: null, DetachKeys: "YWI=" });
    expect(eventsOf(Id).map(([action]) => action)).toEqual([
      "exec_create: /bin/sh ",
      "exec_start: /bin/sh ",
      "exec_detach",
    ]);
    process.kill(inspect(Id).Pid, 9);
    await until(() => inspect(Id).ExitCode === 137);
  });

  test("can be started and left alone", async () => {
    const id = create("/bin/sh", "-c", "exit 7");
    const signal = new AbortController().signal;
    expect(await engine.streams.execs.start(id, { detach: true, tty: false }, signal)).toBeUndefined();
    await until(() => inspect(id).ExitCode === 7);
  });

  test("cannot be started twice", async () => {
    const id = create("/bin/true");
    await collect((await start(id)).output);
    expect(start(id)).rejects.toThrow(`exec command ${id} has already run`);
    const running = create("/bin/sleep", "100");
    await start(running, { detach: true });
    expect(start(running)).rejects.toThrow(`exec command ${running} is already running`);
    process.kill(inspect(running).Pid, 9);
  });

  test("of a command that is not there says so, as its exit code does", async () => {
    const missing = create("/bin/nothing-here");
    await expect(start(missing)).rejects.toThrow("no such file or directory");
    expect(inspect(missing)).toMatchObject({ Running: false, ExitCode: 127 });
    const directory = create("/tmp");
    await expect(start(directory)).rejects.toThrow();
    expect(inspect(directory).ExitCode).toBe(126);
  });

  test("is refused without a command, in what does not run, and by an unknown id", () => {
    const { execs } = engine.streams;
    expect(() => execs.create(record, {})).toThrow("No exec command specified");
    expect(() => execs.inspect("nope")).toThrow("No such exec instance: nope");
    expect(start("nope")).rejects.toThrow("No such exec instance: nope");
    const stopped = { ...record, state: { ...record.state, status: "exited" as const, pid: 0 } };
    expect(() => execs.create(stopped, { Cmd: ["x"] })).toThrow(`container ${record.id} is not running`);
    const paused = { ...record, state: { ...record.state, status: "paused" as const } };
    expect(() => execs.create(paused, { Cmd: ["x"] })).toThrow("unpause the container before exec");
  });

  test("of which there are many is forgotten, the running ones never", async () => {
    const running = create("/bin/sleep", "100");
    await start(running, { detach: true });
    const first = create("/bin/true");
    for (let i = 0; i < 300; i++) create("/bin/true");
    expect(() => inspect(first)).toThrow("No such exec instance");
    expect(inspect(running).Running).toBe(true);
    expect(engine.streams.execs.idsOf(record.id).length).toBeLessThanOrEqual(256);
    process.kill(inspect(running).Pid, 9);
  });
});

describe("a client that vanishes", () => {
  test("leaves the process running, whose output is thrown away", async () => {
    const script = "trap 'exit 9' TERM; i=0; while true; do echo $i; i=$((i+1)); done";
    const id = create("/bin/sh", "-c", script);
    const client = new AbortController();
    const session = await start(id, {}, client.signal);
    const output = session.output[Symbol.asyncIterator]();
    await output.next();
    const waiting = output.next().then(() => output.next());
    client.abort();
    await waiting;
    expect((await output.next()).done).toBe(true);
    await Bun.sleep(50);
    expect(inspect(id).Running).toBe(true);
    process.kill(inspect(id).Pid, 15);
    await until(() => inspect(id).ExitCode === 9);
  });

  test("and never came back costs no memory", async () => {
    const id = create("/bin/yes");
    const client = new AbortController();
    await start(id, {}, client.signal);
    client.abort();
    await Bun.sleep(500);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    await Bun.sleep(1500);
    Bun.gc(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(16 << 20);
    expect(inspect(id).Running).toBe(true);
    process.kill(inspect(id).Pid, 9);
    await until(() => inspect(id).ExitCode === 137);
  });
});
