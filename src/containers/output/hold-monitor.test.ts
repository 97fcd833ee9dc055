import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { newId, type StreamSession } from "../../lib/index.ts";
import { processStartTime } from "../../linux/index.ts";
import type { ContainerRecord } from "../record.ts";
import { recordFor } from "../testing.ts";
import { ContainerFixture } from "./container-fixture.ts";
import { holdMonitor, wakeMonitor } from "./hold-monitor.ts";

const state = (pid: number) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1];
const isStopped = (pid: number) => state(pid) === "T";

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

/** A process that looks like a container's monitor, and another one like its first process. */
function twoProcesses() {
  const id = newId();
  const spawn = (name: string) => Bun.spawn(["/bin/sh", "-c", "read line; :", name], { stdin: "pipe" });
  const [monitor, first] = [spawn(id), spawn("first")];
  const startTime = processStartTime(first.pid);
  const record = recordFor({ id, state: { conmonPid: monitor.pid, pid: first.pid, startTime } });
  return {
    record,
    monitor: monitor.pid,
    first,
    async [Symbol.asyncDispose]() {
      for (const child of [monitor, first]) {
        child.kill("SIGKILL");
        await child.exited;
      }
    },
  };
}

describe("a monitor that is held", () => {
  test("stands still until it is let go", async () => {
    await using p = twoProcesses();
    const held = holdMonitor(p.record);
    await until(() => isStopped(p.monitor));
    held?.[Symbol.dispose]();
    await until(() => !isStopped(p.monitor));
    held?.[Symbol.dispose]();
  });

  test("goes on when the container's first process has ended", async () => {
    await using p = twoProcesses();
    using _held = holdMonitor(p.record);
    await until(() => isStopped(p.monitor));
    p.first.kill("SIGKILL");
    await until(() => !isStopped(p.monitor));
  });

  test("goes on when the daemon is killed", async () => {
    await using p = twoProcesses();
    const script = `
      import { holdMonitor } from ${JSON.stringify(`${import.meta.dir}/hold-monitor.ts`)};
      globalThis.held = holdMonitor(${JSON.stringify(p.record)});
      setInterval(() => {}, 1000);
    `;
    const daemon = Bun.spawn([process.execPath, "-e", script], { stdin: "ignore" });
    await until(() => isStopped(p.monitor));
    daemon.kill("SIGKILL");
    await until(() => !isStopped(p.monitor));
  });

  test("goes on with the next daemon", async () => {
    await using p = twoProcesses();
    process.kill(p.monitor, "SIGSTOP");
    await until(() => isStopped(p.monitor));
    wakeMonitor(p.record);
    await until(() => !isStopped(p.monitor));
  });

  test("is nobody else who has come to its number", async () => {
    await using p = twoProcesses();
    const other = recordFor({ id: newId(), state: p.record.state });
    expect(holdMonitor(other)).toBeUndefined();
    expect(isStopped(p.monitor)).toBe(false);
  });
});

describe("a container in a slow client's foreground", () => {
  const MEGABYTE = 1024 * 1024;
  const engine = new ContainerFixture({ unread: { most: 8 * MEGABYTE, least: 2 * MEGABYTE } });
  afterAll(() => engine[Symbol.asyncDispose]());

  const options = { logs: false, stream: true, stdin: true, stdout: true, stderr: true };
  const attach = (record: ContainerRecord) =>
    engine.streams.outputs.attach(record, options, new AbortController().signal);
  const heldUp = (record: ContainerRecord) => until(() => isStopped(record.state.conmonPid!));

  /** The sum of what is still to come. */
  async function sumOf(session: StreamSession): Promise<{ bytes: number; hash: string }> {
    const hash = new Bun.CryptoHasher("md5");
    let bytes = 0;
    for await (const chunk of session.output) {
      hash.update(chunk.bytes);
      bytes += chunk.bytes.length;
    }
    return { bytes, hash: hash.digest("hex") };
  }

  test("waits, and loses nothing", async () => {
    const record = await engine.create(["/bin/seq", "1", "3000000"]);
    const session = await attach(record);
    await engine.start(record);
    await heldUp(record);
    const expected = new Bun.CryptoHasher("md5");
    let bytes = 0;
    for (let number = 1; number <= 3_000_000; number++) {
      const line = `${number}\n`;
      bytes += line.length;
      expected.update(line);
    }
    expect(await sumOf(session)).toEqual({ bytes, hash: expected.digest("hex") });
    expect(await engine.wait(record)).toBe(0);
  });

  test("can be killed, and its death is noticed whoever killed it", async () => {
    for (const kill of [
      (record: ContainerRecord) => engine.kill(record),
      async ({ state }: ContainerRecord) => void process.kill(state.pid, "SIGKILL"),
    ]) {
      const record = await engine.create(["/bin/yes"]);
      const session = await attach(record);
      await engine.start(record);
      await heldUp(record);
      await kill(record);
      expect(await engine.wait(record)).toBe(137);
      await session.output[Symbol.asyncIterator]().return?.();
    }
  });

  test("hears what is typed", async () => {
    const script = "yes & while read word; do echo $word >/tmp/heard-$word; done";
    const record = await engine.create(["/bin/sh", "-c", script], { OpenStdin: true });
    const session = await attach(record);
    await engine.start(record);
    await heldUp(record);
    await session.input!.write(Buffer.from("this\n"));
    const root = `/proc/${record.state.pid}/root/tmp`;
    await until(() => {
      try {
        return readFileSync(`${root}/heard-this`, "utf8") === "this\n";
      } catch {
        return false;
      }
    });
    await engine.kill(record);
    await session.output[Symbol.asyncIterator]().return?.();
  });
});
