import { describe, expect, test } from "bun:test";
import { Restarts, wantsRestart, wantsStartWithDaemon } from "./restart-policy.ts";
import { FakeClock, recordFor } from "./testing.ts";

const ended = { exitCode: 1, manuallyStopped: false, restartCount: 0 };

describe("who is restarted", () => {
  test("by policy", () => {
    expect(wantsRestart(undefined, ended)).toBe(false);
    expect(wantsRestart({ Name: "" }, ended)).toBe(false);
    expect(wantsRestart({ Name: "no" }, ended)).toBe(false);
    expect(wantsRestart({ Name: "always" }, { ...ended, exitCode: 0 })).toBe(true);
    expect(wantsRestart({ Name: "unless-stopped" }, { ...ended, exitCode: 0 })).toBe(true);
    expect(wantsRestart({ Name: "unless-stopped" }, { ...ended, manuallyStopped: true })).toBe(false);
  });

  test("on-failure counts", () => {
    expect(wantsRestart({ Name: "on-failure" }, { ...ended, exitCode: 0 })).toBe(false);
    expect(wantsRestart({ Name: "on-failure" }, { ...ended, restartCount: 1000 })).toBe(true);
    expect(wantsRestart({ Name: "on-failure", MaximumRetryCount: 2 }, { ...ended, restartCount: 1 })).toBe(
      true,
    );
    expect(wantsRestart({ Name: "on-failure", MaximumRetryCount: 2 }, { ...ended, restartCount: 2 })).toBe(
      false,
    );
  });

  test("when the daemon starts", () => {
    const container = (policy: string, state: object) =>
      recordFor({ host: { RestartPolicy: { Name: policy } }, state: { startedBefore: true, ...state } });
    expect(wantsStartWithDaemon(container("always", { manuallyStopped: true }))).toBe(true);
    expect(wantsStartWithDaemon(container("always", { startedBefore: false }))).toBe(false);
    expect(wantsStartWithDaemon(container("unless-stopped", { manuallyStopped: true }))).toBe(false);
    expect(wantsStartWithDaemon(container("unless-stopped", {}))).toBe(true);
    expect(wantsStartWithDaemon(container("on-failure", { exitCode: 1 }))).toBe(false);
  });
});

describe("when", () => {
  test("the delay doubles up to a minute, and is short again after ten seconds of running", () => {
    const clock = new FakeClock();
    const restarts = new Restarts(clock);
    const record = recordFor({});
    const delays: number[] = [];
    for (const ranMs of [0, 0, 9_999, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10_000, 0]) {
      let due = false;
      restarts.schedule(record, ranMs, () => {
        due = true;
      });
      delays.push(clock.nextDelay()!);
      clock.advance(clock.nextDelay()! - 1);
      expect(due).toBe(false);
      clock.advance(1);
      expect(due).toBe(true);
    }
    expect(delays).toEqual([
      100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000, 100, 200,
    ]);
  });

  test("cancelled restarts are not made, and leave no timer", () => {
    const clock = new FakeClock();
    const restarts = new Restarts(clock);
    let count = 0;
    restarts.schedule(recordFor({}), 0, () => count++);
    restarts.cancel(recordFor({}).id);
    clock.advance(1_000_000);
    expect(count).toBe(0);
    expect(clock.pending).toBe(0);
    restarts.forget(recordFor({}).id);
    expect(restarts.size).toBe(0);
  });
});
