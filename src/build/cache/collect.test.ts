import { describe, expect, test } from "bun:test";
import type { CacheRecordSummary } from "../builder-contract.ts";
import { type CollectRule, recordsToRemove } from "./collect.ts";
import { recordFilter } from "./filters.ts";

const NOW = 1_000_000_000_000;
const HOUR = 3_600_000;

function record(id: string, changes: Partial<CacheRecordSummary> & { unusedHours?: number } = {}) {
  const { unusedHours = 0, ...rest } = changes;
  const summary: CacheRecordSummary = {
    id,
    parents: [],
    type: "regular",
    description: id,
    inUse: false,
    shared: false,
    sizeBytes: 100,
    createdAt: new Date(NOW - 1000 * HOUR),
    lastUsedAt: new Date(NOW - unusedHours * HOUR),
    usageCount: 1,
    ...rest,
  };
  return summary;
}

function removed(
  records: readonly CacheRecordSummary[],
  rule: Partial<Omit<CollectRule, "filter">> & {
    filters?: Record<string, string[]>;
    freeBytes?: number;
  } = {},
): string[] {
  const { filters = {}, freeBytes = 0, all = true, ...limits } = rule;
  const whole = { all, filter: recordFilter(filters, NOW), ...limits };
  return recordsToRemove(records, whole, { freeBytes }, NOW).map(({ id }) => id);
}

const CHAIN = [
  record("base", { unusedHours: 9 }),
  record("middle", { parents: ["base"], unusedHours: 5 }),
  record("top", { parents: ["middle"], unusedHours: 1 }),
];

describe("recordsToRemove()", () => {
  test("without a limit all that fits goes, what was made of something before it", () => {
    expect(removed(CHAIN)).toEqual(["top", "middle", "base"]);
  });

  test("what is in use stays, and so does what it was made of", () => {
    const [base, middle, top] = CHAIN as [CacheRecordSummary, CacheRecordSummary, CacheRecordSummary];
    expect(removed([base, { ...middle, inUse: true }, top])).toEqual(["top"]);
    expect(removed([base, middle, { ...top, inUse: true }])).toEqual([]);
  });

  test("only as much goes as has to, the longest unused first", () => {
    const records = [
      record("a", { unusedHours: 1 }),
      record("b", { unusedHours: 3 }),
      record("c", { unusedHours: 2 }),
    ];
    expect(removed(records, { maxUsedBytes: 200 })).toEqual(["b"]);
    expect(removed(records, { maxUsedBytes: 199 })).toEqual(["b", "c"]);
    expect(removed(records, { reservedBytes: 300 })).toEqual([]);
    expect(removed(records, { maxUsedBytes: 100, reservedBytes: 250 })).toEqual(["b"]);
  });

  test("free space on the disk counts", () => {
    const records = [record("a", { unusedHours: 1 }), record("b", { unusedHours: 3 })];
    expect(removed(records, { minFreeBytes: 1000, freeBytes: 950 })).toEqual(["b"]);
    expect(removed(records, { minFreeBytes: 1000, freeBytes: 2000 })).toEqual([]);
    expect(removed(records, { minFreeBytes: 9000, freeBytes: 0, reservedBytes: 100 })).toEqual(["b"]);
  });

  test("without --all what images need as well stays, and what only the builder knows of", () => {
    const records = [record("a", { shared: true }), record("b", { type: "internal" }), record("c")];
    expect(removed(records, { all: false })).toEqual(["c"]);
    expect(removed(records).toSorted()).toEqual(["a", "b", "c"]);
  });

  const filtered: [filters: Record<string, string[]>, left: string[]][] = [
    [{ until: ["4h"] }, ["old"]],
    [{ until: ["1h30m"] }, ["old", "young"]],
    [{ until: [String((NOW - 4 * HOUR) / 1000)] }, ["old"]],
    [{ until: [new Date(NOW - 4 * HOUR).toISOString()] }, ["old"]],
    [{ id: ["young"] }, ["young"]],
    [{ type: ["exec.cachemount"] }, ["old"]],
    [{ description: ["young"] }, ["young"]],
    [{ shared: ["true"] }, ["young"]],
    [{ private: ["true"] }, ["old"]],
    [{ inuse: ["true"] }, []],
    [{ label: ["a=b"] }, []],
  ];
  for (const [filters, ids] of filtered) {
    test(`filter ${JSON.stringify(filters)}`, () => {
      const records = [
        record("young", { unusedHours: 2, shared: true }),
        record("old", { unusedHours: 6, type: "exec.cachemount" }),
      ];
      expect(removed(records, { filters }).toSorted()).toEqual(ids);
    });
  }

  test("filters that are none are refused", () => {
    expect(() => recordFilter({ colour: ["red"] }, NOW)).toThrow("invalid filter 'colour'");
    expect(() => recordFilter({ until: ["soon"] }, NOW)).toThrow('invalid value for "until" filter');
    expect(() => recordFilter({ id: ["a", "b"] }, NOW)).toThrow("filters expect only one value");
  });

  test("a thousand records in a chain are no matter", () => {
    const chain = Array.from({ length: 5000 }, (_, at) =>
      record(`r${at}`, { parents: at === 0 ? [] : [`r${at - 1}`], unusedHours: 5000 - at }),
    );
    expect(removed(chain).length).toBe(5000);
  });
});
