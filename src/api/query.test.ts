import { describe, expect, test } from "bun:test";
import type { EngineEvent } from "../lib/index.ts";
import { eventFilter } from "./event-filter.ts";
import { parseFilters } from "./filters.ts";
import { Query } from "./query.ts";

describe("a query is read as Docker reads it", () => {
  test("booleans", () => {
    for (const value of ["1", "true", "True", "yes", "on", "anything", "-1", " 1 "]) {
      expect([value, new Query(`a=${value}`).bool("a")]).toEqual([value, true]);
    }
    for (const value of ["", "0", "no", "No", "false", "FALSE", "none", "%20false%20"]) {
      expect([value, new Query(`a=${value}`).bool("a", true)]).toEqual([value, false]);
    }
    expect(new Query("").bool("a")).toBe(false);
    expect(new Query("").bool("a", true)).toBe(true);
  });

  test("integers", () => {
    expect(new Query("t=-1").integer("t")).toBe(-1);
    expect(new Query("t=%2B10").integer("t")).toBe(10);
    expect(new Query("t=").integer("t")).toBeUndefined();
    for (const value of ["1.5", "abc", "0x10", "99999999999999999999", "1e3", "9007199254740993"]) {
      expect(() => new Query(`t=${value}`).integer("t")).toThrow("invalid syntax");
    }
  });

  test("times", () => {
    expect(new Query("s=1.5").time("s")).toBe(1_500_000_000n);
    expect(new Query("s=1700000000.123456789").time("s")).toBe(1_700_000_000_123_456_789n);
    expect(new Query("s=1700000000.1234567891").time("s")).toBe(1_700_000_000_123_456_789n);
    expect(new Query("s=-5").time("s")).toBe(-5_000_000_000n);
    expect(new Query("s=0").time("s")).toBe(0n);
    for (const value of ["yesterday", "1.2.3", "1h", "2024-01-01"]) {
      expect(() => new Query(`s=${value}`).time("s")).toThrow('invalid value for "s"');
    }
  });

  test("filters in both forms", () => {
    const expected = { status: ["running", "paused"] };
    expect({ ...parseFilters('{"status":{"running":true,"paused":true}}') }).toEqual(expected);
    expect({ ...parseFilters('{"status":["running","paused"]}') }).toEqual(expected);
    expect({ ...parseFilters("") }).toEqual({});
    expect({ ...parseFilters("null") }).toEqual({});
    expect({ ...parseFilters('{"a":null}') }).toEqual({ a: [] });
    expect(Object.keys(parseFilters('{"__proto__":["x"]}'))).toEqual(["__proto__"]);
    for (const text of ["[]", "1", '"a"', '{"a":1}', '{"a":[1]}', '{"a":{"b":"c"}}', "{", "]"]) {
      expect(() => parseFilters(text)).toThrow("invalid filter");
    }
  });
});

describe("events are filtered as Docker filters them", () => {
  const container: EngineEvent = {
    type: "container",
    action: "health_status: healthy",
    actorId: "abcdef123456",
    attributes: { name: "web", image: "registry:5000/app:v1", tier: "front" },
  };
  const image: EngineEvent = {
    type: "image",
    action: "tag",
    actorId: "sha256:11",
    attributes: { name: "app:v1" },
  };
  const network: EngineEvent = {
    type: "network",
    action: "connect",
    actorId: "n1",
    attributes: { container: "abcdef123456", name: "bridge", type: "bridge" },
  };
  const passes = (filters: Record<string, string[]>) => {
    const filter = eventFilter(filters) ?? (() => true);
    return [container, image, network].filter(filter).map((event): string => event.type);
  };

  const cases: [Record<string, string[]>, string[]][] = [
    [{}, ["container", "image", "network"]],
    [{ type: ["image", "network"] }, ["image", "network"]],
    [{ event: ["health_status"] }, ["container"]],
    [{ event: ["health_status: healthy"] }, ["container"]],
    [{ event: ["health"] }, []],
    [{ container: ["web"] }, ["container"]],
    [{ container: ["abc"] }, ["container"]],
    [{ container: ["abcdef123456"] }, ["container"]],
    [{ network: ["bridge"] }, ["network"]],
    [{ image: ["app"] }, ["image"]],
    [{ image: ["app:v1"] }, ["image"]],
    [{ image: ["registry:5000/app"] }, ["container"]],
    [{ label: ["tier"] }, ["container"]],
    [{ label: ["tier=front", "name=web"] }, ["container"]],
    [{ label: ["tier=back"] }, []],
    [{ label: ["toString"] }, []],
    [{ scope: ["swarm"] }, []],
    [{ service: ["x"] }, []],
    [{ type: [] }, ["container", "image", "network"]],
  ];
  for (const [filters, expected] of cases) {
    test(JSON.stringify(filters), () => expect(passes(filters)).toEqual(expected));
  }

  test("an unknown key is refused", () => {
    expect(() => eventFilter({ toString: ["x"] })).toThrow("invalid filter 'toString'");
  });
});
