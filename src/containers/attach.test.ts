import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { StreamSession } from "../lib/index.ts";
import { ContainerFixture } from "./output/container-fixture.ts";
import { bytesOf, collect } from "./output/testing.ts";
import type { ContainerRecord } from "./record.ts";
import type { AttachOptions } from "./streams-contract.ts";

const engine = new ContainerFixture();
afterAll(() => engine[Symbol.asyncDispose]());

const live: AttachOptions = { logs: false, stream: true, stdin: true, stdout: true, stderr: true };

function attach(record: ContainerRecord, options: Partial<AttachOptions> = {}, signal?: AbortSignal) {
  return engine.streams.outputs.attach(
    record,
    { ...live, ...options },
    signal ?? new AbortController().signal,
  );
}

const textOf = async (session: StreamSession) => bytesOf(await collect(session.output)).toString();

/** Reads until the text has come. */
async function readUntil(session: StreamSession, text: string): Promise<string> {
  const output = session.output[Symbol.asyncIterator]();
  let read = "";
  while (!read.includes(text)) {
    const { done, value } = await output.next();
    if (done) throw new Error(`the output ended with ${JSON.stringify(read)}`);
    read += Buffer.from(value.bytes).toString();
  }
  return read;
}

describe("attached before the start", () => {
  test("everything is seen, from the first byte on, by each client", async () => {
    const record = await engine.create(["/bin/sh", "-c", "echo first; seq 1 5000; printf end"]);
    const sessions = await Promise.all([attach(record), attach(record), attach(record, { stdin: false })]);
    const read = Promise.all(sessions.map(textOf));
    await engine.start(record);
    const expected = `first\n${Array.from({ length: 5000 }, (_, i) => `${i + 1}\n`).join("")}end`;
    expect(await read).toEqual([expected, expected, expected]);
    expect(engine.actionsOf(record)).toEqual(["attach", "attach", "attach"]);
    expect(await engine.wait(record)).toBe(0);
  });

  test("what is typed waits for the container; its end is the end of the container's input", async () => {
    const record = await engine.create(["/bin/cat"], { OpenStdin: true, StdinOnce: true });
    const session = await attach(record);
    const typed = session.input!.write(Buffer.from("typed early\n")).then(() => session.input!.end());
    await engine.start(record);
    await typed;
    expect(await textOf(session)).toBe("typed early\n");
    expect(await engine.wait(record)).toBe(0);
  });

  test("a command that cannot be started lets the client go", async () => {
    const record = await engine.create(["/bin/nothing-here"]);
    const session = await attach(record);
    const read = textOf(session);
    await expect(engine.start(record)).rejects.toThrow("no such file or directory");
    expect(await read).toBe("");
  });
});

describe("standard input", () => {
  test("many megabytes arrive whole and in order, while the output goes the other way", async () => {
    const record = await engine.create(["/bin/cat"], { OpenStdin: true, StdinOnce: true });
    const session = await attach(record);
    await engine.start(record);
    const block = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7919) % 251));
    const [sent, received] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
    const writing = (async () => {
      for (let i = 0; i < 24; i++) {
        block.writeUInt32LE(i);
        sent.update(block);
        await session.input!.write(block);
      }
      session.input!.end();
    })();
    for await (const { bytes } of session.output) received.update(bytes);
    await writing;
    expect(received.digest("hex")).toBe(sent.digest("hex"));
    expect(await engine.wait(record)).toBe(0);
  });

  test("without StdinOnce it outlives its clients", async () => {
    const record = await engine.run(["/bin/cat"], { OpenStdin: true });
    for (const line of ["one\n", "two\n"]) {
      const session = await attach(record);
      await session.input!.write(Buffer.from(line));
      expect(await readUntil(session, line)).toBe(line);
      session.input!.end();
      expect(await textOf(session)).toBe("");
    }
    expect(record.state.status).toBe("running");
    await engine.kill(record);
  });

  test("with StdinOnce, a client that vanishes ends it", async () => {
    const record = await engine.create(["/bin/cat"], { OpenStdin: true, StdinOnce: true });
    const client = new AbortController();
    await attach(record, {}, client.signal);
    await engine.start(record);
    client.abort();
    expect(await engine.wait(record)).toBe(0);
  });

  test("a client that vanishes before the start leaves the input to the next one", async () => {
    const record = await engine.create(["/bin/cat"], { OpenStdin: true, StdinOnce: true });
    const gone = new AbortController();
    const first = await attach(record, {}, gone.signal);
    void first.input!.write(Buffer.from("never"));
    gone.abort();
    const second = await attach(record);
    await engine.start(record);
    await second.input!.write(Buffer.from("mine\n"));
    second.input!.end();
    expect(await textOf(second)).toBe("mine\n");
    await engine.wait(record);
  });
});

describe("a terminal", () => {
  test("echoes, takes a size, and is left by the detach keys with the container running on", async () => {
    const record = await engine.run(["/bin/sh"], { Tty: true, OpenStdin: true, StdinOnce: true });
    const session = await attach(record, { detachKeys: "ctrl-p,ctrl-q" });
    expect(session.tty).toBe(true);
    await engine.host.resizeTerminal(engine.host.bundle(record.id), 33, 77);
    await session.input!.write(Buffer.from("stty size\n"));
    expect(await readUntil(session, "33 77\r\n")).toContain("stty size\r\n");
    await session.input!.write(Buffer.from("\x10"));
    await session.input!.write(Buffer.from("\x11dropped"));
    expect(await textOf(session)).toBe("");
    expect(engine.actionsOf(record)).toEqual(["attach", "detach"]);
    const again = await attach(record);
    await again.input!.write(Buffer.from("echo back$((1+1))\n"));
    await readUntil(again, "back2");
    await engine.kill(record);
  });

  test("other keys, and wrong ones", async () => {
    const record = await engine.run(["/bin/cat"], { Tty: true, OpenStdin: true });
    const session = await attach(record, { detachKeys: "x,y" });
    await session.input!.write(Buffer.from("x"));
    await session.input!.write(Buffer.from("zx"));
    expect(await readUntil(session, "z")).toBe("xz");
    await session.input!.write(Buffer.from("y"));
    expect(await textOf(session)).toBe("");
    expect(attach(record, { detachKeys: "ctrl-%" })).rejects.toThrow("Invalid detach keys (ctrl-%) provided");
    await engine.kill(record);
  });
});

describe("attaching", () => {
  test("with logs, and to what has stopped for its logs alone", async () => {
    const record = await engine.run(["/bin/sh", "-c", "echo a; echo b"]);
    await engine.wait(record);
    expect(await textOf(await attach(record, { logs: true, stream: false }))).toBe("a\nb\n");
    expect(await textOf(await attach(record, { logs: false, stream: false }))).toBe("");
  });

  test("to what is paused or restarting is refused", async () => {
    const record = await engine.create(["/bin/true"]);
    record.state.status = "paused";
    expect(attach(record)).rejects.toThrow("is paused, unpause the container before attach");
    record.state.status = "restarting";
    expect(attach(record)).rejects.toThrow("is restarting, wait until the container is running");
    record.state.status = "created";
  });

  test("a thousand times leaves nothing behind", async () => {
    const record = await engine.run(["/bin/cat"], { OpenStdin: true });
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const round = async (i: number) => {
      const client = new AbortController();
      const session = await attach(record, {}, client.signal);
      const reading = session.output[Symbol.asyncIterator]().next();
      if (i % 10 === 0) await session.input!.write(Buffer.from("x"));
      client.abort();
      await reading;
    };
    for (let i = 0; i < 50; i++) await round(i);
    const before = descriptors();
    for (let i = 0; i < 1000; i++) await round(i);
    for (let i = 0; descriptors() > before && i < 500; i++) await Bun.sleep(10);
    expect(descriptors()).toBeLessThanOrEqual(before);
    await engine.kill(record);
  });

  test("goes on over a daemon's restart", async () => {
    const record = await engine.run(["/bin/sh", "-c", "echo before; read x; echo after $x"], {
      OpenStdin: true,
      StdinOnce: true,
    });
    await engine.restartDaemon();
    const session = await attach(record, { logs: true });
    await session.input!.write(Buffer.from("all\n"));
    expect(await textOf(session)).toBe("before\nafter all\n");
    await engine.wait(record);
  });
});
