import { expect, test } from "bun:test";
import { parseIgnore } from "./ignore.ts";

const CASES: readonly (readonly [string, string, boolean])[] = [
  ["*.md", "README.md", true],
  ["*.md", "docs/README.md", false],
  ["**/*.md", "docs/deep/README.md", true],
  ["docs", "docs/x/y", true],
  ["docs\n!docs/keep", "docs/keep", false],
  ["docs\n!docs/keep", "docs/other", true],
  ["/abs/", "abs/x", true],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["[a-c]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["# comment", "# comment", false],
  ["foo/../bar", "bar", true],
  ["**", "any/thing", true],
  ["a.b", "axb", false],
  ["", "x", false],
];

for (const [rules, path, out] of CASES) {
  test(`${JSON.stringify(rules)} ${out ? "leaves out" : "keeps"} ${path}`, () => {
    expect(parseIgnore(rules).leavesOut(path)).toBe(out);
  });
}
