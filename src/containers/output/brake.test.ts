import { describe, expect, test } from "bun:test";
import { STDOUT } from "../../lib/index.ts";
import { watchFile } from "../../linux/index.ts";
import type { AttachedOutput } from "./container-output.ts";
import { ContainerOutput } from "./container-output.ts";
import { logSettings } from "./settings.ts";
import { FakeMonitor, temporaryDirectory } from "./testing.ts";

const both = { stdout: true, stderr: true };
const LINE = `${"x".repeat(953)}\n`;
/** A record of 1000 bytes. */
const RECORD = 1000;

/** A container that is about to start, and whether its monitor is held. */
async function container(most: number, least: number) {
  const directory = await temporaryDirectory();
  const path = `${directory.path}/output.log`;
  const base = logSettings({ Type: "json-file" });
  const settings = { ...base, limits: { ...base.limits, maxSize: 20 * RECORD, maxFiles: 2 } };
  let held = 0;
  let holds = 0;
  const output = new ContainerOutput(path, settings, {
    watchFile,
    reopen: () => monitor.reopen(),
    hold: () => {
      held++;
      holds++;
      return { [Symbol.dispose]: () => void held-- };
    },
    unread: { most: most * RECORD, least: least * RECORD },
  });
  output.prepare();
  const monitor = new FakeMonitor(path);
  const gone = new AbortController();
  const attach = () => output.attach(both, { logs: false, stream: true }, gone.signal);
  return {
    output,
    attach,
    gone,
    isHeld: () => held === 1,
    holds: () => holds,
    /** Prints lines, and lets the daemon take notice. */
    async print(lines: number) {
      for (let line = 0; line < lines; line++) monitor.write(STDOUT, LINE);
      await Bun.sleep(1);
    },
    async [Symbol.asyncDispose]() {
      monitor.close();
      output.close();
      expect(held).toBe(0);
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

async function read(output: AttachedOutput, lines: number): Promise<void> {
  for (let bytes = 0; bytes < lines * LINE.length; ) {
    const { value, done } = await output.next();
    if (done) throw new Error("the output ended");
    bytes += value.bytes.length;
  }
}

describe("a container whose foreground client reads slowly", () => {
  test("waits for it, over rotations, and goes on when it has read", async () => {
    await using c = await container(100, 30);
    const client = c.attach();
    c.output.started();
    while (!c.isHeld()) await c.print(1);
    const printed = c.output.chain.unread() / RECORD;
    expect(printed).toBeGreaterThan(100);
    // A read may take more than it was asked for, up to a file.
    await read(client, Math.floor(printed - 70));
    expect(c.isHeld()).toBe(true);
    while (c.isHeld()) await read(client, 1);
    expect(c.output.chain.unread()).toBeLessThanOrEqual(30 * RECORD);
    while (!c.isHeld()) await c.print(1);
    expect(c.holds()).toBe(2);
  });

  test("does not wait for one that came later, or while another one keeps up", async () => {
    await using c = await container(100, 30);
    const slow = c.attach();
    c.output.started();
    const late = c.attach();
    for (let round = 0; round < 10; round++) {
      const reading = read(late, 20);
      await c.print(20);
      await reading;
    }
    expect(c.holds()).toBe(0);
    await late.return();
    await until(c.isHeld);
    // Somebody new who wants to hear what comes next.
    const second = c.attach();
    await until(() => !c.isHeld());
    await second.return();
    await until(c.isHeld);
    // Its client has gone: those who only look on slow nobody.
    c.attach();
    await slow.return();
    await until(() => !c.isHeld());
    await c.print(300);
    expect(c.isHeld()).toBe(false);
  });

  test("may end, and hear what it is told", async () => {
    await using c = await container(100, 30);
    c.attach();
    c.output.started();
    while (!c.isHeld()) await c.print(1);
    {
      using _passing = c.output.passOn();
      expect(c.isHeld()).toBe(false);
      await c.print(50);
      expect(c.isHeld()).toBe(false);
    }
    while (!c.isHeld()) await c.print(1);
    c.output.ending();
    expect(c.isHeld()).toBe(false);
    await c.print(100);
    expect(c.isHeld()).toBe(false);
  });

  test("goes on when the client is gone", async () => {
    await using c = await container(100, 30);
    c.attach();
    c.output.started();
    while (!c.isHeld()) await c.print(1);
    c.gone.abort();
    await until(() => !c.isHeld());
  });
});
