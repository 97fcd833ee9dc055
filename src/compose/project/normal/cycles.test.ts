import { expect, test } from "bun:test";
import type { Service } from "../../model/index.ts";
import { findCycle } from "./cycles.ts";

const dependencies = (graph: Record<string, string[]>) =>
  Object.fromEntries(
    Object.entries(graph).map(([name, on]) => [
      name,
      {
        depends_on: Object.fromEntries(
          on.map((one) => [one, { condition: "service_started", required: true }]),
        ),
      },
    ]),
  ) as Record<string, Service>;

test("findCycle names the services of a circle", () => {
  expect(findCycle(dependencies({ a: ["b", "c"], b: ["c"], c: [] }))).toBeUndefined();
  expect(findCycle(dependencies({ a: ["b"], b: ["c"], c: ["b"] }))).toEqual(["b", "c", "b"]);
  expect(findCycle(dependencies({ a: ["a"] }))).toEqual(["a", "a"]);
  expect(findCycle(dependencies({ a: ["gone"] }))).toBeUndefined();
});

test("a long chain is no deep call", () => {
  const graph: Record<string, string[]> = {};
  for (let index = 0; index < 20_000; index++) graph[`s${index}`] = [`s${index + 1}`];
  expect(findCycle(dependencies(graph))).toBeUndefined();
  graph["s20000"] = ["s0"];
  expect(findCycle(dependencies(graph))).toHaveLength(20_002);
});
