import { expect, test } from "bun:test";
import type { Service } from "../model/index.ts";
import { allSettled, eachInOrder, eachInReverseOrder } from "./in-order.ts";

/** `{ web: ["db"] }`: web needs db. */
function services(needs: Record<string, readonly string[]>): Record<string, Service> {
  const depends = (names: readonly string[]) =>
    Object.fromEntries(
      names.map((name) => [name, { condition: "service_started", required: true } as const]),
    );
  return Object.fromEntries(
    Object.entries(needs).map(([name, names]) => [name, { depends_on: depends(names) }]),
  );
}

const DIAMOND = services({ top: ["left", "right"], left: ["base"], right: ["base"], base: [] });

test("each begins when what it depends on is done, and independent ones at the same time", async () => {
  const log: string[] = [];
  let running = 0;
  let most = 0;
  await eachInOrder(DIAMOND, async (name) => {
    log.push(name);
    most = Math.max(most, ++running);
    await Bun.sleep(0);
    running--;
  });
  expect(log).toEqual(["base", "left", "right", "top"]);
  expect(most).toBe(2);
});

test("the other way round", async () => {
  const log: string[] = [];
  await eachInReverseOrder(DIAMOND, async (name) => void log.push(name));
  expect(log).toEqual(["top", "left", "right", "base"]);
});

test("after a failure nothing new begins, and what has begun ends before it is told", async () => {
  const log: string[] = [];
  const slow = Promise.withResolvers<void>();
  const all = eachInOrder(DIAMOND, async (name, signal) => {
    log.push(name);
    if (name === "left") throw new Error("left is broken");
    if (name !== "right") return;
    signal.addEventListener("abort", () => slow.resolve());
    await slow.promise;
    log.push("right has ended");
  });
  await expect(all).rejects.toThrow("left is broken");
  expect(log).toEqual(["base", "left", "right", "right has ended"]);
});

test("a signal stops it", async () => {
  const stop = new AbortController();
  const log: string[] = [];
  const all = eachInOrder(
    DIAMOND,
    async (name) => {
      log.push(name);
      stop.abort(new Error("enough"));
    },
    { signal: stop.signal },
  );
  await expect(all).rejects.toThrow("enough");
  expect(log).toEqual(["base"]);
});

test("the first failure of several is told when all have ended", async () => {
  const [first, second, third] = [1, 2, 3].map(() => Promise.withResolvers<void>());
  let isTold = false;
  const all = allSettled([first!.promise, second!.promise, third!.promise]).finally(() => {
    isTold = true;
  });
  all.catch(() => {});
  second!.reject(new Error("second"));
  await Bun.sleep(0);
  first!.reject(new Error("first"));
  await Bun.sleep(0);
  expect(isTold).toBe(false);
  third!.resolve();
  await expect(all).rejects.toThrow("second");
});
