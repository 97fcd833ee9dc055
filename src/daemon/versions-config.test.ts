import { expect, test } from "bun:test";
import { parseConfig } from "./config-file.ts";
import { versionLimitsOf } from "./versions-config.ts";

const read = (value: unknown) =>
  versionLimitsOf(parseConfig("daemon.json", JSON.stringify({ "image-versions": value })));

test("image-versions is a number, or a number and an age", () => {
  expect(versionLimitsOf(new Map())).toEqual({ count: 10, ageMs: undefined });
  expect(read(3)).toEqual({ count: 3, ageMs: undefined });
  expect(read(0)).toEqual({ count: 0, ageMs: undefined });
  expect(read({ age: "720h" })).toEqual({ count: 10, ageMs: 720 * 3_600_000 });
  expect(read({ count: 5, age: "90m" })).toEqual({ count: 5, ageMs: 5_400_000 });
});

test("anything else is refused", () => {
  for (const value of [
    -1,
    1.5,
    "10",
    null,
    [],
    1e9,
    { count: "1" },
    { age: "30" },
    { age: 30 },
    { days: 1 },
    { age: "-1h" },
  ]) {
    expect(() => read(value), JSON.stringify(value)).toThrow('or like {"count": 10, "age": "720h"}');
  }
});
