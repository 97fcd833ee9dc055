import { expect, test } from "bun:test";
import { FakeLayers } from "../testing.ts";
import { SharedHolds } from "./shared-holds.ts";

test("a layer is held once, until the last one lets it go", async () => {
  const layers = new FakeLayers();
  const holds = new SharedHolds(layers);
  const [a, b, c] = [layers.make("a"), layers.make("b"), layers.make("c")];
  const first = await holds.hold([a, b]);
  const second = await holds.hold([a, b, c]);
  expect([...layers.holds.values()]).toEqual([1, 1, 1]);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect([...layers.holds.keys()]).toEqual([a, b, c]);
  second[Symbol.dispose]();
  expect(layers.holds.size).toBe(0);
});

test("where one is missing none is held", async () => {
  const layers = new FakeLayers();
  const holds = new SharedHolds(layers);
  const a = layers.make("a");
  const missing = layers.make("missing");
  layers.here.delete(missing);
  await expect(holds.hold([a, missing])).rejects.toThrow("layer does not exist");
  expect(layers.holds.size).toBe(0);
});

test("who asks at the same time shares it, too", async () => {
  const layers = new FakeLayers();
  const holds = new SharedHolds(layers);
  const a = layers.make("a");
  const both = await Promise.all([holds.hold([a]), holds.hold([a])]);
  expect(layers.holds.get(a)).toBe(1);
  both[0][Symbol.dispose]();
  expect(layers.holds.get(a)).toBe(1);
  both[1][Symbol.dispose]();
  expect(layers.holds.size).toBe(0);
});
