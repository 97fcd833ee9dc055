import { describe, expect, test } from "bun:test";
import { parseBytes } from "./bytes.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import { formatFloat, formatFloat32, formatScalar } from "./number.ts";
import { splitCommand } from "./shell-words.ts";

test("parseBytes", () => {
  const rows: [string, number | undefined][] = [
    ["64m", 64 * 1024 ** 2],
    ["1.5 GiB", 1.5 * 1024 ** 3],
    ["2kb", 2048],
    ["4096", 4096],
    ["-1", -1],
    ["12b", 12],
    ["m", undefined],
    ["1x", undefined],
    ["", undefined],
  ];
  for (const [text, bytes] of rows) expect([text, parseBytes(text)]).toEqual([text, bytes]);
});

test("durations, read and shown", () => {
  const rows: [string, string | undefined][] = [
    ["90s", "1m30s"],
    ["1h", "1h0m0s"],
    ["1.5s", "1.5s"],
    ["100ms", "100ms"],
    ["1500us", "1.5ms"],
    ["2d12h", "60h0m0s"],
    ["1w", "168h0m0s"],
    ["0", "0s"],
    ["-5s", "-5s"],
    ["7ns", "7ns"],
    ["10", undefined],
    ["", undefined],
    ["5 s", undefined],
    ["1fortnight", undefined],
  ];
  for (const [text, shown] of rows) {
    const nanoseconds = parseDuration(text);
    expect([text, nanoseconds === undefined ? undefined : formatDuration(nanoseconds)]).toEqual([
      text,
      shown,
    ]);
  }
});

test("numbers read as Go prints them", () => {
  expect(formatFloat(0.00001)).toBe("1e-05");
  expect(formatFloat(0.0001)).toBe("0.0001");
  expect(formatFloat(1.1)).toBe("1.1");
  expect(formatFloat(-120.5)).toBe("-120.5");
  expect(formatFloat(1e6)).toBe("1e+06");
  expect(formatFloat(1e6, 21)).toBe("1000000");
  expect(formatFloat32(0.1)).toBe("0.1");
  expect(formatFloat32(0.123456789)).toBe("0.12345679");
  expect(formatScalar({ value: 12345678901234567890n })).toBe("12345678901234567890");
  expect(formatScalar({ value: 1000 })).toBe("1000");
  expect(formatScalar({ value: 1e6, float: true })).toBe("1e+06");
});

describe("splitCommand", () => {
  const rows: [line: string, words: string[] | undefined][] = [
    ["echo a  b", ["echo", "a", "b"]],
    [`echo "a b" 'c "d"' ''`, ["echo", "a b", 'c "d"', ""]],
    ['a\\ b \\"', ["a b", '"']],
    [`'a\\b' "x\\"y"`, ["a\\b", 'x"y']],
    ["a && b", ["a"]],
    ["a=$(b c) `d e`", ["a=$(b c)", "`d e`"]],
    ["", []],
    ["'open", undefined],
    ["end\\", undefined],
    ["f(x)", undefined],
  ];
  for (const [line, words] of rows) test(line, () => expect(splitCommand(line)).toEqual(words));
});
