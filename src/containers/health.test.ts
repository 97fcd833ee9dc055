import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { ContainerConfig, Health, HealthConfig } from "../wire/index.ts";
import { judge } from "./health.ts";
import { goDuration, healthSettings } from "./health-settings.ts";
import { ContainerFixture } from "./output/container-fixture.ts";
import type { ContainerRecord } from "./record.ts";

const SECOND = 1e9;
const MILLISECOND = 1e6;

describe("settings", () => {
  const of = (Healthcheck: HealthConfig, Shell?: string[]) => healthSettings({ Healthcheck, Shell });

  test("defaults are Docker's", () => {
    expect(of({ Test: ["CMD", "a", "b"] })).toEqual({
      command: ["a", "b"],
      interval: 30_000,
      timeout: 30_000,
      retries: 3,
      startPeriod: 0,
      startInterval: 5000,
      onFailure: "none",
    });
  });

  test("a shell, and the image's own", () => {
    expect(of({ Test: ["CMD-SHELL", "a b"] })?.command).toEqual(["/bin/sh", "-c", "a b"]);
    expect(of({ Test: ["CMD-SHELL", "a b"] }, ["/bin/bash", "-xc"])?.command).toEqual([
      "/bin/bash",
      "-xc",
      "a b",
    ]);
  });

  test("nothing to check", () => {
    expect(healthSettings({})).toBeUndefined();
    expect(of({ Test: [] })).toBeUndefined();
    expect(of({ Test: ["NONE"] })).toBeUndefined();
  });

  test.each([
    [1000, "1s"],
    [90_000, "1m30s"],
    [3_600_000, "1h0m0s"],
    [500, "500ms"],
    [1500, "1.5s"],
    [0.25, "250µs"],
  ])("%d ms are %s", (milliseconds, text) => expect(goDuration(milliseconds)).toBe(text));
});

describe("judge()", () => {
  const result = (ExitCode: number) => ({ Start: "", End: "", ExitCode, Output: "" });
  const starting: Health = { Status: "starting", FailingStreak: 0, Log: [] };
  const after = (health: Health, codes: number[], inStartPeriod = false) =>
    codes.reduce((h, code) => judge(h, result(code), { retries: 2 }, inStartPeriod), health);

  test("one success is healthy, failures in a row are unhealthy", () => {
    expect(after(starting, [0]).Status).toBe("healthy");
    expect(after(starting, [1])).toMatchObject({ Status: "starting", FailingStreak: 1 });
    expect(after(starting, [1, 1])).toMatchObject({ Status: "unhealthy", FailingStreak: 2 });
    expect(after(starting, [0, 1, 0, 1])).toMatchObject({ Status: "healthy", FailingStreak: 1 });
    expect(after(starting, [1, 1, 0])).toMatchObject({ Status: "healthy", FailingStreak: 0 });
  });

  test("failures in the start period don't count until it was healthy once", () => {
    expect(after(starting, [1, 1, 1, 1], true)).toMatchObject({ Status: "starting", FailingStreak: 0 });
    expect(after(starting, [0, 1, 1], true).Status).toBe("unhealthy");
  });

  test("the last five results are kept", () => {
    expect(after(starting, [0, 1, 0, 1, 0, 1, 0]).Log?.map((r) => r.ExitCode)).toEqual([0, 1, 0, 1, 0]);
  });
});

const engine = new ContainerFixture();
afterAll(() => engine[Symbol.asyncDispose]());

/** Without those that are dead and wait for `sleep`, which takes no notice of them. */
function livingChildren(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return children.filter((child) => !readFileSync(`/proc/${child}/stat`, "utf8").includes(") Z ")).length;
}

function run(check: HealthConfig, more: ContainerConfig = {}) {
  const Healthcheck = { Interval: 50 * MILLISECOND, Timeout: 10 * SECOND, ...check };
  return engine.run(["/bin/sleep", "1000"], { Healthcheck, ...more });
}

async function until(record: ContainerRecord, condition: (health: Health) => boolean): Promise<Health> {
  for (;;) {
    const { health } = record.state;
    if (health !== undefined && condition(health)) return health;
    await Bun.sleep(5);
  }
}

describe("checks of a container", () => {
  test("go from starting to healthy to unhealthy and back, and tell so", async () => {
    const record = await run({ Test: ["CMD-SHELL", "cat /tmp/sick; test ! -e /tmp/sick"], Retries: 2 });
    expect(record.state.health).toMatchObject({ Status: "starting", FailingStreak: 0 });
    await until(record, (h) => h.Status === "healthy");
    const sick = `/proc/${record.state.pid}/root/tmp/sick`;
    await Bun.write(sick, "what hurts");
    const health = await until(record, (h) => h.Status === "unhealthy");
    expect(health.Log?.at(-1)).toMatchObject({ ExitCode: 1, Output: "what hurts" });
    await Bun.file(sick).delete();
    await until(record, (h) => h.Status === "healthy");
    const actions = engine.actionsOf(record);
    expect(actions.filter((a) => a.startsWith("health_status"))).toEqual([
      "health_status: healthy",
      "health_status: unhealthy",
      "health_status: healthy",
    ]);
    const command = "/bin/sh -c cat /tmp/sick; test ! -e /tmp/sick";
    expect(actions.slice(0, 3)).toEqual([`exec_create: ${command}`, `exec_start: ${command}`, "exec_die"]);
    await engine.kill(record);
  });

  test("that take too long are killed with their children", async () => {
    const script = "echo begun; sleep 98765 & sleep 98765";
    const record = await run({ Test: ["CMD-SHELL", script], Timeout: 300 * MILLISECOND, Retries: 1 });
    const health = await until(record, (h) => h.Status === "unhealthy");
    expect(health.Log?.at(-1)).toMatchObject({
      ExitCode: -1,
      Output: "Health check exceeded timeout (300ms): begun\n",
    });
    engine.streams.health.stop(record.id);
    await until(record, () => livingChildren(record.state.pid) === 0);
    await engine.kill(record);
  });

  test("whose output is long are cut", async () => {
    const record = await run({ Test: ["CMD-SHELL", "yes | head -c 100000"] });
    const health = await until(record, (h) => h.Status === "healthy");
    expect(health.Log?.[0]?.Output).toHaveLength(4096 + 3);
    expect(health.Log?.[0]?.Output).toEndWith("y\n...");
    await engine.kill(record);
  });

  test("that cannot be run fail", async () => {
    const record = await run({ Test: ["CMD", "/bin/nothing-here"], Retries: 1 });
    const health = await until(record, (h) => h.Status === "unhealthy");
    expect(health.Log?.at(-1)?.ExitCode).toBe(-1);
    expect(health.Log?.at(-1)?.Output).toContain("no such file or directory");
    await engine.kill(record);
  });

  test("act once for each time they turn bad", async () => {
    const record = await run({ Test: ["CMD", "/bin/false"], Retries: 1, OnFailure: "restart" });
    await until(record, (h) => (h.Log?.length ?? 0) >= 3);
    expect(engine.actions).toEqual([`restart ${record.id}`]);
    await engine.kill(record);
  });

  test("act on a container that another daemon left unhealthy", async () => {
    const record = await run({ Test: ["CMD", "/bin/false"], Retries: 1, OnFailure: "kill" });
    await until(record, (h) => h.Status === "unhealthy");
    const asked = () => engine.actions.filter((action) => action === `kill ${record.id}`).length;
    const before = asked();
    await engine.restartDaemon();
    engine.streams.health.start(record, { adopted: true });
    while (asked() === before) await Bun.sleep(5);
    await engine.kill(record);
  });

  test("rest while it is paused, go on after a daemon's restart, and end with it", async () => {
    const record = await run({ Test: ["CMD", "/bin/true"] });
    await until(record, (h) => h.Status === "healthy");
    engine.streams.health.pause(record.id);
    await Bun.sleep(100);
    const paused = record.state.health?.Log?.at(-1)?.Start;
    await Bun.sleep(200);
    expect(record.state.health?.Log?.at(-1)?.Start).toBe(paused!);
    engine.streams.health.resume(record.id);
    await until(record, (h) => h.Log?.at(-1)?.Start !== paused);
    const log = record.state.health?.Log ?? [];
    await engine.restartDaemon();
    engine.streams.health.start(record, { adopted: true });
    expect(record.state.health?.Status).toBe("healthy");
    expect(record.state.health?.Log?.slice(0, 1)).toEqual(log.slice(0, 1));
    await until(record, (h) => h.Log?.at(-1)?.Start !== log.at(-1)?.Start);
    await engine.kill(record);
    const ended = engine.events.length;
    await Bun.sleep(150);
    expect(engine.events.length).toBe(ended);
  });

  test("every half second in the start period, whatever the interval", async () => {
    const record = await run({
      Test: ["CMD", "/bin/true"],
      Interval: 3600 * SECOND,
      StartPeriod: 60 * SECOND,
      StartInterval: 20 * MILLISECOND,
    });
    await until(record, (h) => h.Status === "healthy");
    await engine.kill(record);
  });
});
