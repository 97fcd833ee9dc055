import { expect, test } from "bun:test";
import { openSync, readFileSync, statSync, writeSync } from "node:fs";
import { STDOUT } from "../../lib/index.ts";
import { watchFile } from "../../linux/index.ts";
import { ContainerOutput } from "./container-output.ts";
import { type LogSettings, logSettings } from "./settings.ts";
import { bytesOf, collect, FakeMonitor, records, temporaryDirectory } from "./testing.ts";

const MEGABYTE = 1024 * 1024;
const both = { stdout: true, stderr: true };
const all = { ...both, timestamps: false, follow: false, details: false };
const never = () => new AbortController().signal;

async function settled(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

/** A log to which a monitor has written while no daemon ran: lines with their numbers. */
async function grown(lines: number, over: Partial<LogSettings> = {}) {
  const directory = await temporaryDirectory();
  const path = `${directory.path}/output.log`;
  const fd = openSync(path, "w", 0o600);
  const text = (number: number) => `${number} ${"x".repeat(1000)}\n`;
  for (let number = 0; number < lines; number++) writeSync(fd, records(STDOUT, text(number)));
  const monitor = new FakeMonitor(path);
  const base = logSettings({ Type: "json-file" });
  const settings = { ...base, limits: { ...base.limits, maxSize: MEGABYTE, maxFiles: 3 }, ...over };
  const output = new ContainerOutput(path, settings, { watchFile, reopen: () => monitor.reopen() });
  const used = () => {
    const { blocks } = statSync(`${path}.1`, { throwIfNoEntry: false }) ?? statSync(path);
    return blocks * 512;
  };
  return {
    output,
    monitor,
    path,
    used,
    text,
    async read() {
      return bytesOf(await collect(await output.logs(all, "", never()))).toString();
    },
    async [Symbol.asyncDispose]() {
      monitor.close();
      output.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

test("a log that grew without a daemon is trimmed to what is kept of it", async () => {
  await using c = await grown(20_000);
  expect(c.used()).toBeGreaterThan(15 * MEGABYTE);
  c.output.adopt();
  await settled(() => c.used() < 4 * MEGABYTE);
  c.monitor.write(STDOUT, "and on\n");
  await settled(() => readFileSync(c.path, "utf8").endsWith("and on\n"));
  const kept = await c.read();
  expect(kept.length).toBeGreaterThan(2.8 * MEGABYTE);
  expect(kept).not.toContain("\0");
  const first = Number.parseInt(kept, 10);
  const expected = Array.from({ length: 20_000 - first }, (_, index) => c.text(first + index));
  expect(kept).toBe(`${expected.join("")}and on\n`);
});

test("so is that of a container that ended meanwhile", async () => {
  await using c = await grown(20_000);
  c.output.adopt();
  c.output.ended();
  await settled(() => c.used() < 4 * MEGABYTE);
  expect((await c.read()).endsWith(c.text(19_999))).toBe(true);
});

test("not what somebody may want to forward, nor one without a limit", async () => {
  for (const over of [
    { driver: "syslog" as const },
    { limits: { maxSize: Number.POSITIVE_INFINITY, maxFiles: 1, backlog: 0 } },
  ]) {
    await using c = await grown(5000, over);
    c.output.adopt();
    c.output.ended();
    await Bun.sleep(20);
    expect(c.used()).toBeGreaterThan(4.5 * MEGABYTE);
  }
});
