import { describe, expect, test } from "bun:test";
import type { ContainerStats } from "../wire/index.ts";
import { StatsSampler } from "./stats.ts";
import { FakeClock, recordFor } from "./testing.ts";
import { quiet, World } from "./testing-world.ts";

const sampleNumber = (n: number) => ({ read: String(n) }) as unknown as ContainerStats;

function sampler() {
  const clock = new FakeClock();
  let taken = 0;
  return {
    clock,
    taken: () => taken,
    sampler: new StatsSampler(clock, async () => sampleNumber(++taken)),
  };
}

describe("the shared sampler", () => {
  test("takes one sample a second for all, and stops with the last", async () => {
    const { clock, sampler: it, taken } = sampler();
    const leaving = new AbortController();
    const read: string[][] = [[], []];
    const readers = read.map(async (into) => {
      for await (const sample of it.subscribe(recordFor({}), leaving.signal)) into.push(sample.read);
    });
    await quiet();
    expect(taken()).toBe(2);
    for (let second = 0; second < 3; second++) {
      clock.advance(1000);
      await quiet();
    }
    expect(taken()).toBe(5);
    expect(read).toEqual([
      ["1", "3", "4", "5"],
      ["2", "3", "4", "5"],
    ]);
    leaving.abort();
    await Promise.all(readers);
    expect(it.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("who reads slowly misses samples, and nothing piles up", async () => {
    const { clock, sampler: it } = sampler();
    const reader = it.subscribe(recordFor({}), new AbortController().signal);
    expect((await reader.next()).value).toMatchObject({ read: "1" });
    for (let second = 0; second < 5; second++) {
      clock.advance(1000);
      await quiet();
    }
    expect((await reader.next()).value).toMatchObject({ read: "6" });
    await reader.return();
    expect(clock.pending).toBe(0);
  });

  test("ends with the container", async () => {
    const { clock, sampler: it } = sampler();
    const record = recordFor({});
    const reader = it.subscribe(record, new AbortController().signal);
    await reader.next();
    const last = reader.next();
    it.end(record.id);
    expect((await last).done).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe("docker stats", () => {
  test("of one that does not run: zeros; without streaming, once", async () => {
    await using world = Object.assign(new World(), {
      async [Symbol.asyncDispose](this: World) {
        await this.dispose();
      },
    });
    await world.create("web");
    const all: ContainerStats[] = [];
    const never = new AbortController().signal;
    for await (const stats of world.containers.stats("web", { stream: false, oneShot: false }, never))
      all.push(stats);
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({ name: "/web", read: "0001-01-01T00:00:00Z", pids_stats: {} });
    expect(() => world.containers.stats("nobody", { stream: true, oneShot: false }, never)).toThrow(
      "No such container",
    );
  });
});
