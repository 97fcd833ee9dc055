import { expect, test } from "bun:test";
import { parseBool, parseDurationNs, parseSizeBytes, parseUint32 } from "./values.ts";

test("parseDurationNs() reads Go's durations", () => {
  expect(parseDurationNs("1h2m3.5s")).toBe(3_723_500_000_000);
  expect(parseDurationNs("0")).toBe(0);
  expect(parseDurationNs("-1.5ms")).toBe(-1_500_000);
  for (const text of ["", "1", "s", "1x", "1s ", "9".repeat(30), `${"9".repeat(20)}h`]) {
    expect(() => parseDurationNs(text)).toThrow("time: invalid duration");
  }
});

test("parseSizeBytes() reads go-units' sizes", () => {
  const sizes = { "0": 0, "512": 512, "64m": 67_108_864, "1.5 GiB": 1_610_612_736, "2KB": 2048, "1b": 1 };
  for (const [text, bytes] of Object.entries(sizes)) expect(parseSizeBytes(text)).toBe(bytes);
  for (const text of ["", "x", "-1", "1z", "1mm", "9".repeat(30)])
    expect(parseSizeBytes(text)).toBeUndefined();
});

test("parseUint32() and parseBool() take what Go takes", () => {
  expect([parseUint32("0755", 8), parseUint32("4294967295", 10)]).toEqual([0o755, 4_294_967_295]);
  for (const text of ["", "-1", "8", "1x", "77777777777777"]) expect(parseUint32(text, 8)).toBeUndefined();
  expect(["1", "T", "false", "0"].map(parseBool)).toEqual([true, true, false, false]);
  expect([parseBool("yes"), parseBool("tRUE")]).toEqual([undefined, undefined]);
});
