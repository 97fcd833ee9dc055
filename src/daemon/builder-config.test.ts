import { describe, expect, test } from "bun:test";
import { builderConfigOf, cachePolicyOf } from "./builder-config.ts";
import { parseConfig } from "./config-file.ts";

const policyOf = (builder: unknown) => {
  const config = builderConfigOf(parseConfig("daemon.json", JSON.stringify({ builder })));
  return cachePolicyOf(config, "/");
};

describe("builder in daemon.json", () => {
  test("collection is on, within a part of the disk, unless told", () => {
    const { enabled, rules } = cachePolicyOf(builderConfigOf(new Map()), "/");
    expect(enabled).toBe(true);
    expect(rules.at(-1)!.maxUsedBytes).toBeGreaterThanOrEqual(2 ** 31);
    expect(policyOf({ gc: { enabled: false } })).toEqual({ enabled: false, rules: [] });
  });

  test("a limit for the whole", () => {
    const { rules } = policyOf({ gc: { enabled: true, defaultKeepStorage: "20GB" } });
    expect(rules.at(-1)).toMatchObject({ all: true, filters: {}, maxUsedBytes: 20 * 2 ** 30 });
    expect(rules[0]).toMatchObject({ filters: { type: ["source.local"], "unused-for": ["48h"] } });
  });

  test("rules of one's own, in the old and the new words", () => {
    const policy = [
      { keepStorage: "10GB", filter: ["unused-for=2200h"] },
      { reservedSpace: 5, maxUsedSpace: "1MB", minFreeSpace: "1k", filter: { "unused-for": ["1h"] } },
      { keepStorage: "100GB", all: true },
    ];
    expect(policyOf({ gc: { policy } }).rules).toEqual([
      {
        all: false,
        filters: { "unused-for": ["2200h"] },
        reservedBytes: 10 * 2 ** 30,
        maxUsedBytes: undefined,
        minFreeBytes: undefined,
      },
      {
        all: false,
        filters: { "unused-for": ["1h"] },
        reservedBytes: 5,
        maxUsedBytes: 2 ** 20,
        minFreeBytes: 1024,
      },
      {
        all: true,
        filters: {},
        reservedBytes: 100 * 2 ** 30,
        maxUsedBytes: undefined,
        minFreeBytes: undefined,
      },
    ]);
  });

  const wrong: unknown[] = [
    ...[1, [], { gcc: {} }, { gc: { enabled: "yes" } }, { gc: { policy: {} } }],
    ...[{ gc: { policy: [{ keepStorage: -1 }] } }, { gc: { policy: [{ filter: [1] }] } }],
    ...[{ gc: { size: "1GB" } }, { entitlements: { "security-insecure": true } }],
  ];
  for (const builder of wrong) {
    test(`refused: ${JSON.stringify(builder)}`, () => {
      expect(() => policyOf(builder)).toThrow("unable to configure the daemon with file daemon.json");
    });
  }

  test("a size that is none", () => {
    expect(() => policyOf({ gc: { defaultKeepStorage: "much" } })).toThrow('"much" is no size');
  });
});
