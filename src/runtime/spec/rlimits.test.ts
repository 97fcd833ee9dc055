import { expect, test } from "bun:test";
import { resolveRlimits } from "./rlimits.ts";

const hardLimits = new Map([
  ["nofile", 20_000],
  ["nproc", Number.POSITIVE_INFINITY],
]);

test("what the user asks for is set, or refused where the host's hard limit forbids it", () => {
  expect(resolveRlimits({ requested: [{ Name: "nofile", Soft: 100, Hard: 20_000 }], hardLimits })).toEqual([
    { type: "RLIMIT_NOFILE", soft: 100, hard: 20_000 },
  ]);
  expect(() =>
    resolveRlimits({ requested: [{ Name: "nofile", Soft: 1, Hard: 20_001 }], hardLimits }),
  ).toThrow("cannot set ulimit nofile to 20001: this host's hard limit is 20000");
  expect(() => resolveRlimits({ requested: [{ Name: "nofile", Soft: -1, Hard: -1 }], hardLimits })).toThrow(
    "to unlimited",
  );
});

test("a daemon that may raise limits is not bound by them", () => {
  expect(resolveRlimits({ requested: [{ Name: "nofile", Soft: 1, Hard: 30_000 }] })[0]?.hard).toBe(30_000);
});

test("a default is lowered, and gives way to the user's", () => {
  const defaults = [
    { Name: "nofile", Soft: 1_048_576, Hard: 1_048_576 },
    { Name: "nproc", Soft: -1, Hard: -1 },
  ];
  expect(resolveRlimits({ defaults, hardLimits })).toEqual([
    { type: "RLIMIT_NOFILE", soft: 20_000, hard: 20_000 },
    { type: "RLIMIT_NPROC", soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY },
  ]);
  const requested = [{ Name: "nofile", Soft: 5, Hard: 6 }];
  expect(resolveRlimits({ requested, defaults: defaults.slice(0, 1), hardLimits })).toEqual([
    { type: "RLIMIT_NOFILE", soft: 5, hard: 6 },
  ]);
});

test.each([
  [{ Name: "as", Soft: 1, Hard: 1 }, "invalid ulimit type: as"],
  [{ Name: "", Soft: 1, Hard: 1 }, "invalid ulimit type: "],
  [{ Name: "core", Soft: 2, Hard: 1 }, "ulimit soft limit must be less than or equal to hard limit: 2 > 1"],
  [{ Name: "core", Soft: -1, Hard: 1 }, "unlimited > 1"],
])("%p is refused", (ulimit, message) => {
  expect(() => resolveRlimits({ requested: [ulimit] })).toThrow(message);
});
