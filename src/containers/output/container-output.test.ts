import { describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync, statSync } from "node:fs";
import { type OutputChunk, STDERR, STDOUT } from "../../lib/index.ts";
import { watchFile } from "../../linux/index.ts";
import { ContainerOutput } from "./container-output.ts";
import { type LogSettings, logSettings } from "./settings.ts";
import { bytesOf, collect, FakeMonitor, records, temporaryDirectory } from "./testing.ts";

const all = { stdout: true, stderr: true, timestamps: false, follow: false, details: false };
const never = () => new AbortController().signal;

interface Limits {
  maxSize?: number;
  maxFiles?: number;
  backlog?: number;
  compress?: boolean;
}

function settings({ compress = false, ...limits }: Limits = {}): LogSettings {
  const base = logSettings({ Type: "json-file" });
  return { ...base, compress, limits: { ...base.limits, ...limits } };
}

/** A container's output with a monitor that runs. */
async function running(limits: Limits = {}) {
  const directory = await temporaryDirectory();
  const path = `${directory.path}/output.log`;
  let tell = async () => {};
  const output = new ContainerOutput(path, settings(limits), { watchFile, reopen: () => tell() });
  output.prepare();
  const monitor = new FakeMonitor(path);
  tell = monitor.reopen;
  output.started();
  return {
    output,
    monitor,
    directory: directory.path,
    /** What telling the monitor to reopen its log does. */
    tell(command: () => Promise<void>) {
      tell = command;
    },
    /** The container exits. */
    exit() {
      monitor.close();
      output.ended();
    },
    async [Symbol.asyncDispose]() {
      output.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function text(output: ContainerOutput, options: Partial<typeof all> & { tail?: number } = {}) {
  return bytesOf(await collect(await output.logs({ ...all, ...options }, "", never()))).toString();
}

/** Waits for something that happens by itself. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

const files = (directory: string) => readdirSync(directory).sort();
const openFiles = (directory: string) =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
    } catch {
      return false;
    }
  });

describe("logs", () => {
  test("all, the last lines, one stream", async () => {
    await using c = await running();
    c.monitor.write(STDOUT, "1\n2\n");
    c.monitor.write(STDERR, "3\n");
    c.monitor.write(STDOUT, "4\n5");
    expect(await text(c.output)).toBe("1\n2\n3\n4\n5");
    expect(await text(c.output, { tail: 0 })).toBe("");
    expect(await text(c.output, { tail: 1 })).toBe("5");
    expect(await text(c.output, { tail: 2 })).toBe("4\n5");
    expect(await text(c.output, { tail: 3 })).toBe("3\n4\n5");
    expect(await text(c.output, { tail: 3, stderr: false })).toBe("2\n4\n5");
    expect(await text(c.output, { tail: 5 })).toBe("1\n2\n3\n4\n5");
    expect(await text(c.output, { tail: 100 })).toBe("1\n2\n3\n4\n5");
    expect(await text(c.output, { stdout: false })).toBe("3\n");
  });

  test("the last lines of a long log, over blocks and segments", async () => {
    await using c = await running();
    const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i} ${"x".repeat(i % 200)}\n`);
    for (let i = 0; i < lines.length; i += 1000) {
      if (i % 10_000 === 5000) {
        c.output.chain.rotate();
        await c.monitor.reopen();
      }
      c.monitor.write(STDOUT, lines.slice(i, i + 1000).join(""));
      c.output.chain.adoptLive();
    }
    for (const tail of [1, 10, 1000, 6000, 17_001, 29_999, 30_000]) {
      expect(await text(c.output, { tail })).toBe(lines.slice(-tail).join(""));
    }
    expect(files(c.directory)).toEqual(["output.log", "output.log.1", "output.log.2", "output.log.3"]);
  });

  test("a line of a megabyte is one line", async () => {
    await using c = await running();
    c.monitor.write(STDOUT, "first\n");
    for (let i = 0; i < 128; i++) c.monitor.write(STDOUT, "y".repeat(8192));
    c.monitor.write(STDOUT, "\n");
    expect((await text(c.output)).length).toBe(6 + 128 * 8192 + 1);
    expect((await text(c.output, { tail: 1 })).length).toBe(128 * 8192 + 1);
    expect((await text(c.output, { tail: 1, timestamps: true })).length).toBe(31 + 128 * 8192 + 1);
  });

  test("a record that is being written is left for later", async () => {
    await using c = await running();
    const record = records(STDOUT, "whole\n");
    c.monitor.writeRaw(record);
    c.monitor.writeRaw(record.subarray(0, 30));
    expect(await text(c.output)).toBe("whole\n");
    c.monitor.writeRaw(record.subarray(30));
    expect(await text(c.output)).toBe("whole\nwhole\n");
  });

  test("cannot be read where nothing is kept, and need a stream", async () => {
    await using directory = await temporaryDirectory();
    const output = new ContainerOutput(`${directory.path}/attach.log`, logSettings({ Type: "none" }), {
      watchFile,
      reopen: async () => {},
    });
    expect(output.logs(all, "", never())).rejects.toThrow(
      "configured logging driver does not support reading",
    );
    await using c = await running();
    const neither = { ...all, stdout: false, stderr: false };
    expect(c.output.logs(neither, "", never())).rejects.toThrow("You must choose at least one stream");
  });
});

describe("following", () => {
  test("ends when the container has ended and all is told", async () => {
    await using c = await running();
    c.monitor.write(STDOUT, "before\n");
    const following = collect(await c.output.logs({ ...all, follow: true }, "", never()));
    await Bun.sleep(5);
    c.monitor.write(STDOUT, "after\n");
    await Bun.sleep(5);
    c.monitor.write(STDERR, "last");
    c.exit();
    expect(bytesOf(await following).toString()).toBe("before\nafter\nlast");
    expect(await text(c.output, { follow: true })).toBe("before\nafter\nlast");
  });

  test("ends with its run, though the next one goes on in the same file", async () => {
    await using c = await running();
    const stream = await c.output.logs({ ...all, follow: true }, "", never());
    c.monitor.write(STDOUT, "first run\n");
    c.exit();
    c.output.prepare();
    const monitor = new FakeMonitor(c.output.chain.path);
    c.output.started();
    monitor.write(STDOUT, "second run\n");
    expect(bytesOf(await collect(stream)).toString()).toBe("first run\n");
    monitor.close();
    c.output.ended();
    expect(await text(c.output)).toBe("first run\nsecond run\n");
  });

  test("ends at the time it was given, though nothing is printed then", async () => {
    await using c = await running();
    c.monitor.write(STDOUT, "x\n");
    const until = BigInt(Date.now() - 2000) * 1_000_000n;
    const stream = await c.output.logs({ ...all, follow: true, until }, "", never());
    expect(bytesOf(await collect(stream)).toString()).toBe("x\n");
  });

  test("stops when it is no longer wanted, and leaves nothing behind", async () => {
    await using c = await running();
    c.monitor.write(STDOUT, "x\n");
    const before = openFiles(c.directory).length;
    for (let i = 0; i < 200; i++) {
      const controller = new AbortController();
      const output = await c.output.logs({ ...all, follow: true }, "", controller.signal);
      const stream = output[Symbol.asyncIterator]();
      if (i % 2 === 0) await stream.next();
      const waiting = stream.next();
      if (i % 3 === 0) await stream.return?.();
      else controller.abort();
      await waiting;
    }
    await until(() => openFiles(c.directory).length <= before);
    expect(c.output.chain.isRead).toBe(false);
  });
});

describe("rotation", () => {
  test("keeps as many segments as it shall, and every line of them", async () => {
    await using c = await running({ maxSize: 20_000, maxFiles: 3 });
    const lines: string[] = [];
    for (let i = 0; i < 4000; i++) {
      lines.push(`line ${i}\n`);
      c.monitor.write(STDOUT, lines.at(-1)!);
      if (i % 50 === 0) await Bun.sleep(1);
    }
    await until(() => {
      c.monitor.turn();
      return c.output.chain.adoptLive() !== undefined;
    });
    c.exit();
    expect(files(c.directory)).toEqual(["output.log", "output.log.1", "output.log.2"]);
    const kept = await text(c.output);
    expect(lines.join("").endsWith(kept)).toBe(true);
    expect(kept.split("\n").length).toBeGreaterThan(300);
  });

  test("a slow reader loses nothing and holds up nobody; then the old segments go", async () => {
    await using c = await running({ maxSize: 5000, maxFiles: 2 });
    const slow = await c.output.logs({ ...all, follow: true }, "", never());
    let written = "";
    for (let i = 0; files(c.directory).length <= 5; i++) {
      written += `line ${i}\n`;
      c.monitor.write(STDOUT, `line ${i}\n`);
      if (i % 20 === 0) await Bun.sleep(1);
    }
    c.exit();
    expect((await text(c.output)).length).toBeLessThan(written.length);
    expect(bytesOf(await collect(slow)).toString()).toBe(written);
    expect(files(c.directory).length).toBe(2);
  });

  test("a reader beyond the backlog is let go", async () => {
    await using c = await running({ maxSize: 5000, maxFiles: 2, backlog: 20_000 });
    const slow = await c.output.logs({ ...all, follow: true }, "", never());
    for (let i = 0; i < 2000; i++) {
      c.monitor.write(STDOUT, `line ${i}\n`);
      if (i % 20 === 0) await Bun.sleep(1);
    }
    const kept = c.output.chain.segments.slice(0, -3).map((segment) => statSync(segment.path).size);
    expect(kept.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(20_000);
    expect(bytesOf(await collect(slow)).toString()).toBe("");
    expect(await text(c.output, { tail: 1 })).toBe("line 1999\n");
  });

  test("compresses what is old, if asked to, and reads it all the same", async () => {
    await using c = await running({ maxSize: 30_000, maxFiles: 4, compress: true });
    let written = "";
    for (let i = 0; !files(c.directory).includes("output.log.3.gz"); i++) {
      written += `line ${i}\n`;
      c.monitor.write(STDOUT, `line ${i}\n`);
      if (i % 50 === 0) await Bun.sleep(1);
    }
    c.exit();
    expect(files(c.directory)).not.toContain("output.log.3");
    const kept = await text(c.output);
    expect(kept.length).toBeGreaterThan(10_000);
    expect(written.endsWith(kept)).toBe(true);
    const lines = kept.split("\n").length - 1;
    expect(await text(c.output, { tail: lines - 1 })).toBe(kept.slice(kept.indexOf("\n") + 1));
    const again = new ContainerOutput(c.output.chain.path, c.output.settings, {
      watchFile,
      reopen: async () => {},
    });
    expect(await text(again)).toBe(kept);
    expect(openFiles(c.directory)).toEqual([]);
  });

  test("a command that the monitor lost is told again; one that it has not read yet is not", async () => {
    await using c = await running({ maxSize: 1_000_000, maxFiles: 9 });
    const megabyte = `${"z".repeat(999)}\n`.repeat(1000);
    let told = 0;
    const { reopen } = c.monitor;
    c.tell(async () => {
      told++;
      // While the command is on its way, however much is written says nothing.
      for (let i = 0; i < 4; i++) c.monitor.writeRaw(records(STDOUT, megabyte));
      await Bun.sleep(100);
    });
    c.monitor.write(STDOUT, megabyte);
    await until(() => told > 0);
    await Bun.sleep(200);
    expect(told).toBe(1);
    c.tell(reopen);
    while (!files(c.directory).includes("output.log")) {
      c.monitor.write(STDOUT, megabyte);
      await Bun.sleep(10);
      c.monitor.turn();
    }
  });

  test("the next daemon finds a rotation that was only begun, and finishes it", async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/output.log`;
    const monitor = new FakeMonitor(path);
    const options = { watchFile, reopen: monitor.reopen };
    const first = new ContainerOutput(path, settings({ maxSize: 1e6 }), options);
    first.adopt();
    monitor.write(STDOUT, "before\n");
    first.chain.rotate();
    first.close();
    monitor.write(STDOUT, "without a daemon\n");
    const second = new ContainerOutput(path, settings({ maxSize: 1e6 }), options);
    second.adopt();
    const following = collect(await second.logs({ ...all, follow: true }, "", never()));
    await until(() => {
      monitor.turn();
      return second.chain.live !== undefined;
    });
    monitor.write(STDOUT, "after\n");
    monitor.close();
    second.ended();
    expect(bytesOf(await following).toString()).toBe("before\nwithout a daemon\nafter\n");
    expect(files(directory.path)).toEqual(["output.log", "output.log.1"]);
  });

  test("a new file that is replaced at once, since the command came twice", async () => {
    await using c = await running({ maxSize: 1e6 });
    const following = collect(await c.output.logs({ ...all, follow: true }, "", never()));
    c.monitor.write(STDOUT, "a\n");
    c.output.chain.rotate();
    await c.monitor.reopen();
    c.monitor.turn();
    c.output.chain.adoptLive();
    await c.monitor.reopen();
    c.monitor.write(STDOUT, "b\n");
    await Bun.sleep(20);
    c.exit();
    expect(bytesOf(await following).toString()).toBe("a\nb\n");
  });
});

describe("attached clients", () => {
  test("get what comes after they came, whether the container runs or not", async () => {
    await using c = await running();
    c.monitor.write(STDOUT, "old\n");
    const stream = { logs: false, stream: true };
    const running_ = c.output.attach({ stdout: true, stderr: true }, stream, never());
    c.monitor.write(STDOUT, "new\n");
    c.exit();
    expect(bytesOf(await collect(running_)).toString()).toBe("new\n");
    const waiting = c.output.attach({ stdout: true, stderr: true }, stream, never());
    const withLogs = c.output.attach({ stdout: true, stderr: true }, { logs: true, stream: true }, never());
    const onlyLogs = c.output.attach({ stdout: true, stderr: true }, { logs: true, stream: false }, never());
    const first = waiting.next();
    await Bun.sleep(5);
    c.output.prepare();
    const monitor = new FakeMonitor(c.output.chain.path);
    monitor.write(STDOUT, "next run\n");
    monitor.close();
    c.output.ended();
    const chunk = await first;
    expect(Buffer.from(chunk.value!.bytes).toString()).toBe("next run\n");
    expect(await collect(waiting)).toEqual([]);
    expect(bytesOf(await collect(withLogs)).toString()).toBe("old\nnew\nnext run\n");
    expect(bytesOf(await collect(onlyLogs)).toString()).toBe("old\nnew\n");
  });

  test("have got everything when a run's output counts as delivered, unless they do not read", async () => {
    await using c = await running();
    await c.output.delivered();
    const stream = { logs: false, stream: true };
    const both = { stdout: true, stderr: true };
    const got: OutputChunk[] = [];
    const reading = (async () => {
      for await (const chunk of c.output.attach(both, stream, never())) got.push(chunk);
    })();
    c.monitor.write(STDOUT, "last words\n");
    c.exit();
    await c.output.delivered();
    expect(bytesOf(got).toString()).toBe("last words\n");
    await reading;
    const stuck = c.output.attach(both, stream, never());
    await c.output.delivered();
    await stuck.return();
  });

  test("are let go when the start fails or the container is removed", async () => {
    await using c = await running();
    const stream = { logs: false, stream: true };
    c.exit();
    const waiting = collect(c.output.attach({ stdout: true, stderr: true }, stream, never()));
    c.output.prepare();
    c.output.ended();
    expect(await waiting).toEqual([]);
    const again = collect(c.output.attach({ stdout: true, stderr: true }, stream, never()));
    c.output.remove();
    expect(await again).toEqual([]);
  });

  test("read to the end though the container and its files are removed", async () => {
    await using c = await running({ maxSize: 3000, maxFiles: 2 });
    const stream = c.output.attach({ stdout: true, stderr: true }, { logs: false, stream: true }, never());
    let written = "";
    for (let i = 0; i < 500; i++) {
      written += `line ${i}\n`;
      c.monitor.write(STDOUT, `line ${i}\n`);
      if (i % 10 === 0) await Bun.sleep(1);
    }
    c.exit();
    c.output.remove();
    for (const name of files(c.directory)) await Bun.file(`${c.directory}/${name}`).delete();
    expect(bytesOf(await collect(stream)).toString()).toBe(written);
    expect(openFiles(c.directory)).toEqual([]);
  });

  test("of a driver that keeps nothing get all, and no file is left", async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/attach.log`;
    const output = new ContainerOutput(path, logSettings({ Type: "none" }), {
      watchFile,
      reopen: async () => {},
    });
    const stream = output.attach({ stdout: true, stderr: true }, { logs: false, stream: true }, never());
    output.prepare();
    const monitor = new FakeMonitor(path);
    output.started();
    monitor.write(STDOUT, "hello\n");
    monitor.close();
    output.ended();
    expect(files(directory.path)).toEqual([]);
    expect(bytesOf(await collect(stream)).toString()).toBe("hello\n");
  });
});

/** A generator of the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("whatever is written, rotated and read how fast ever, the bytes are the same", () => {
  test.each([1, 2, 3, 4, 5, 6])("seed %d", async (seed) => {
    const pick = random(seed);
    await using c = await running({ maxSize: 2000 + pick(200_000), maxFiles: 1 + pick(4) });
    const readers = Array.from({ length: 3 }, () => slowly(c.output, pick));
    const written: OutputChunk[] = [];
    for (let i = 0; i < 300; i++) {
      const stream = pick(4) === 0 ? STDERR : STDOUT;
      const bytes = Buffer.from(
        Array.from({ length: 1 + pick(pick(4) === 0 ? 8192 : 60) }, () => pick(20) + 5),
      );
      written.push({ stream, bytes });
      c.monitor.write(stream, bytes);
      if (pick(5) === 0) await Bun.sleep(pick(3));
    }
    c.exit();
    for (const chunks of await Promise.all(readers)) {
      expect(bytesOf(chunks).equals(bytesOf(written))).toBe(true);
      expect(bytesOf(chunks, STDERR).equals(bytesOf(written, STDERR))).toBe(true);
    }
  });
});

async function slowly(output: ContainerOutput, pick: (below: number) => number): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  const pause = pick(5);
  for await (const { stream, bytes } of output.attach(
    { stdout: true, stderr: true },
    { logs: false, stream: true },
    never(),
  )) {
    chunks.push({ stream, bytes: Buffer.from(bytes) });
    if (pick(3) === 0) await Bun.sleep(pick(pause + 1) * 5);
  }
  return chunks;
}
