import { describe, expect, test } from "bun:test";
import { Glob, hasWildcards } from "./glob.ts";

describe("Glob", () => {
  const cases: readonly (readonly [pattern: string, name: string, fits: boolean])[] = [
    ["abc", "abc", true],
    ["*", "abc", true],
    ["*c", "abc", true],
    ["a*", "a", true],
    ["a*/b", "abc/b", true],
    ["a*b*c*d", "axbxcxd", true],
    ["a*b*c*d", "axbxcx", false],
    ["a*b?c*x", "abxbbxdbxebxczzx", true],
    ["a*b?c*x", "abxbbxdbxebxczzy", false],
    ["ab[c]", "abc", true],
    ["ab[b-d]", "abc", true],
    ["ab[e-g]", "abc", false],
    ["ab[^c]", "abc", false],
    ["ab[^e-g]", "abc", true],
    ["a\\*b", "a*b", true],
    ["a\\*b", "ab", false],
    ["a?b", "a☺b", true],
    ["a[^a]b", "a☺b", true],
    ["[a-ζ]*", "α", true],
    ["[\\]a]", "]", true],
    ["[x\\-]", "-", true],
    ["", "", true],
    ["?", "", false],
  ];
  for (const [pattern, name, fits] of cases) {
    test(`${pattern} ${fits ? "fits" : "does not fit"} ${name}`, () => {
      expect(new Glob(pattern).matches(name)).toBe(fits);
    });
  }

  for (const pattern of ["[", "[a", "[]a]", "[-]", "[x-]", "[-x]", "a[", "a\\", "[a-b-c]"]) {
    test(`${pattern} is no pattern`, () =>
      expect(() => new Glob(pattern)).toThrow("syntax error in pattern"));
  }

  test("no pattern takes long", () => {
    expect(new Glob(`${"*a".repeat(200)}b`).matches("a".repeat(2000))).toBe(false);
  });
});

test("a backslash takes a wildcard's meaning away", () => {
  expect(["a*", "a\\*", "[", "\\\\*", "plain"].map(hasWildcards)).toEqual([true, false, true, true, false]);
});
