import { afterAll, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeDescriptor } from "../files/descriptors.ts";
import { flock } from "../files/flock.ts";
import { openRoot } from "../files/root-dir.ts";
import { openDescriptors, until } from "../testing.ts";
import { CAPABILITIES, ownCapabilities, parseCapabilitySet } from "./capabilities.ts";
import { processExit } from "./exit.ts";
import { cpuCount, hardLimit, kernel, memory } from "./host.ts";
import { isAlive, openPidfd, processStartTime, sendSignal, signalPidfd, withUmask } from "./processes.ts";
import { parseSignal, SIGNALS } from "./signals.ts";

const work = await mkdtemp(join(tmpdir(), "berth-processes-"));
afterAll(() => rm(work, { recursive: true, force: true }));

test("signals by name and number, as kill(1) of a container takes them", () => {
  const numbers = {
    KILL: 9,
    SIGKILL: 9,
    sigterm: 15,
    "9": 9,
    "64": 64,
    RTMIN: 34,
    "RTMIN+3": 37,
    "SIGRTMAX-1": 63,
    CLD: 17,
  };
  for (const [text, number] of Object.entries(numbers)) expect(parseSignal(text)).toBe(number);
  for (const text of ["", "0", "65", "-9", "9x", "RTMIN+16", "SIG", "constructor", "1e1"]) {
    expect(() => parseSignal(text)).toThrow(`Invalid signal: ${text}`);
  }
  expect(Object.values(SIGNALS).every((number) => number > 0 && number <= 64)).toBe(true);
});

test("capabilities are named by the kernel's numbers", () => {
  expect(CAPABILITIES.length).toBe(41);
  expect(CAPABILITIES[21]).toBe("CAP_SYS_ADMIN");
  expect(CAPABILITIES[40]).toBe("CAP_CHECKPOINT_RESTORE");
  expect([...parseCapabilitySet("0000000000200001")]).toEqual(["CAP_CHOWN", "CAP_SYS_ADMIN"]);
  expect(parseCapabilitySet("ffffffffffffffff").size).toBe(41);
  expect(ownCapabilities().has("CAP_SYS_ADMIN")).toBe(true);
});

test("a process is known by its pid and start time", async () => {
  const child = Bun.spawn(["sleep", "1000"]);
  const started = processStartTime(child.pid)!;
  expect(started).toMatch(/^\d+$/);
  expect(isAlive(child.pid, started)).toBe(true);
  expect(isAlive(child.pid, "1")).toBe(false);
  const pidfd = openPidfd(child.pid);
  expect(signalPidfd(pidfd, 0)).toBe(true);
  expect(sendSignal(child.pid, 9)).toBe(true);
  await child.exited;
  expect(isAlive(child.pid, started)).toBe(false);
  expect(signalPidfd(pidfd, 9)).toBe(false);
  expect(sendSignal(child.pid, 9)).toBe(false);
  expect(sendSignal(0, 9)).toBe(false);
  expect(sendSignal(-1, 0)).toBe(false);
  expect(() => openPidfd(child.pid)).toThrow("ESRCH");
  closeDescriptor(pidfd);
});

/** A process that is not our child: its parent ended, and it was handed to somebody who waits for it. */
async function orphan(): Promise<number> {
  const shell = Bun.spawn(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"], { stdout: "pipe" });
  return Number(await new Response(shell.stdout).text());
}

const pidfdsOf = (pid: number) => openDescriptors(new RegExp(`pidfd.* Pid: (${pid}|-1)$`));

test("processExit() sees the end of a process that is nobody's child here", async () => {
  const pid = await orphan();
  let ended = false;
  const exit = processExit(pid, processStartTime(pid)).then(() => {
    ended = true;
  });
  await Bun.sleep(30);
  expect(ended).toBe(false);
  expect(pidfdsOf(pid)).toBe(1);
  sendSignal(pid, 9);
  await exit;
  expect(isAlive(pid)).toBe(false);
  await until(() => pidfdsOf(pid) === 0);
  await processExit(pid);
  await processExit(process.pid, "1");
  expect(pidfdsOf(process.pid)).toBe(0);
});

test("processExit() of twenty at once", async () => {
  const pids = await Promise.all(Array.from({ length: 20 }, orphan));
  const exits = pids.map((pid) => processExit(pid));
  for (const pid of pids) sendSignal(pid, 9);
  await Promise.all(exits);
  expect(pids.filter((pid) => isAlive(pid))).toEqual([]);
});

test("a watch of a process that is given up leaves no descriptor", async () => {
  const pid = await orphan();
  const controller = new AbortController();
  const exit = processExit(pid, undefined, controller.signal).catch((error) => error);
  await until(() => pidfdsOf(pid) === 1);
  controller.abort(new Error("given up"));
  expect(await exit).toEqual(new Error("given up"));
  await until(() => pidfdsOf(pid) === 0);
  sendSignal(pid, 9);
});

test("facts of the host", () => {
  expect(kernel().isAtLeast(5, 2)).toBe(true);
  expect(kernel().isAtLeast(999, 0)).toBe(false);
  expect(memory().totalBytes).toBeGreaterThan(2 ** 26);
  expect(cpuCount()).toBeGreaterThan(0);
  const { soft, hard } = hardLimit("nofile");
  expect(soft).toBeGreaterThan(0);
  expect(hard).toBeGreaterThanOrEqual(soft);
});

test("a lock is held once and given back", () => {
  const path = join(work, "lock");
  const lock = flock(path);
  expect(() => flock(path)).toThrow("EAGAIN");
  lock[Symbol.dispose]();
  lock[Symbol.dispose]();
  flock(path)[Symbol.dispose]();
});

test("withUmask() makes modes exact and puts the mask back", async () => {
  const before = process.umask();
  using root = openRoot(work);
  withUmask(0, () => root.mkdir("open", 0o777));
  expect((await stat(join(work, "open"))).mode & 0o777).toBe(0o777);
  expect(process.umask()).toBe(before);
});
