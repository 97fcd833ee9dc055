import { expect, test } from "bun:test";
import { parseCpus } from "../options/resources.ts";
import { parseDuration } from "./duration.ts";
import { parseTimestamp } from "./timestamps.ts";
import { binarySize, humanDuration, humanSize, parseRamBytes } from "./units.ts";

test("humanSize() has the given number of digits, in powers of 1000", () => {
  const sizes = [0, 1, 999, 1000, 1024, 1e6, 1234567, 2746, 999.9e6, 1e12].map((size) => humanSize(size));
  expect(sizes).toEqual([
    "0B",
    "1B",
    "999B",
    "1kB",
    "1.024kB",
    "1MB",
    "1.235MB",
    "2.746kB",
    "999.9MB",
    "1TB",
  ]);
  expect([1234567, 999.9e6, 12345, 100].map((size) => humanSize(size, 3))).toEqual([
    "1.23MB",
    "1e+03MB",
    "12.3kB",
    "100B",
  ]);
});

test("binarySize() has four digits, in powers of 1024", () => {
  expect([0, 1023, 1024, 1536, 25276502016].map(binarySize)).toEqual([
    "0B",
    "1023B",
    "1KiB",
    "1.5KiB",
    "23.54GiB",
  ]);
});

test("humanDuration() says about how long", () => {
  const day = 86400;
  const said = [
    0.5,
    1,
    59,
    60,
    119,
    120,
    3599,
    3600,
    5400,
    47 * 3600,
    2 * day,
    13 * day,
    14 * day,
    59 * day,
    60 * day,
    700 * day,
    800 * day,
  ];
  expect(said.map(humanDuration)).toEqual([
    "Less than a second",
    "1 second",
    "59 seconds",
    "About a minute",
    "About a minute",
    "2 minutes",
    "59 minutes",
    "About an hour",
    "2 hours",
    "47 hours",
    "2 days",
    "13 days",
    "2 weeks",
    "8 weeks",
    "2 months",
    "23 months",
    "2 years",
  ]);
});

test("parseRamBytes() reads every suffix in powers of 1024", () => {
  const read = ["32", "32b", "32B", "32k", "32K", "32kb", "32Kib", "1.5m", ".5g", "32 mb", "1t", "1p", "0"];
  expect(read.map(parseRamBytes)).toEqual([
    32,
    32,
    32,
    32768,
    32768,
    32768,
    32768,
    1572864,
    536870912,
    33554432,
    2 ** 40,
    2 ** 50,
    0,
  ]);
  for (const wrong of ["", "hello", "-32", " 32 ", "32m b", "32bm", "32kib2", "1.2.3k"])
    expect(() => parseRamBytes(wrong)).toThrow();
});

test("parseDuration() reads Go's durations as nanoseconds", () => {
  expect(["0", "1s", "1.5h", "1h2m3s4ms5us6ns", "-2m", "1µs"].map(parseDuration)).toEqual([
    0, 1e9, 5.4e12, 3723004005006, -120e9, 1000,
  ]);
  for (const wrong of ["", "1", "s", "1x", "1s2"]) expect(() => parseDuration(wrong)).toThrow();
});

test("parseCpus() is exact", () => {
  expect(["1.5", "0.001", ".5", "1/4", "1e-1", "2"].map(parseCpus)).toEqual([
    1.5e9, 1e6, 5e8, 2.5e8, 1e8, 2e9,
  ]);
  for (const wrong of ["", "x", "1/0", "1/3", "0.0000000001"]) expect(() => parseCpus(wrong)).toThrow();
});

test("parseTimestamp() reads times, timestamps and how long ago", () => {
  const now = Date.UTC(2024, 4, 1, 12, 0, 0);
  expect(parseTimestamp("10m", now)).toBe("1714564200.000000000");
  expect(parseTimestamp("2024-05-01T10:00:00Z", now)).toBe("1714557600.000000000");
  expect(parseTimestamp("2024-05-01T10:00:00.123456789+02:00", now)).toBe("1714550400.123456789");
  expect(parseTimestamp("1714557600.5", now)).toBe("1714557600.5");
  expect(parseTimestamp("2024-05-01", now)).toBe(
    `${new Date("2024-05-01T00:00:00").getTime() / 1000}.000000000`,
  );
  expect(parseTimestamp("", now)).toBe("");
  for (const wrong of ["yesterday", "2024-13-01", "2024-05-01T99"])
    expect(() => parseTimestamp(wrong, now)).toThrow();
});
