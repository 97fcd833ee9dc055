import { describe, expect, test } from "bun:test";
import { IgnorePattern } from "./pattern.ts";
import { cleanPath, ignoreFileNames, parseIgnoreFile } from "./rules.ts";

describe("IgnorePattern", () => {
  const cases: [pattern: string, fits: string[], not: string[]][] = [
    ["a/b", ["a/b"], ["a", "a/b/c", "x/a/b"]],
    ["*", ["a", ".a"], ["a/b", ""].slice(0, 1)],
    ["*.md", ["README.md", ".md"], ["a/README.md", "a.mdx"]],
    ["a*/b", ["a/b", "ax/b"], ["a/x/b"]],
    ["a?c", ["abc", "a한c"], ["a/c", "ac"]],
    ["**", ["a", "a/b", ".a/b"], []],
    ["**/a", ["a", "x/a", "x/y/a"], ["xa", "a/x", "x/xa"]],
    ["**a", ["a", "x/a", "xa"], ["ab"]],
    ["**a*", ["a", "x/ab"], ["xab"]],
    ["a/**", ["a/b", "a/b/c"], ["a", "ab"]],
    ["a**", ["a", "ab", "a/b"], ["b"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab"]],
    ["a**b", ["ab", "ax/b"], ["axb"]],
    ["**/*.go", ["a.go", "x/a.go"], ["x/a.goo"]],
    ["**/a/**", ["a/b", "x/a/b/c"], ["a", "xa/b"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "abx"]],
    ["[^a-c]x", ["dx", "/x"], ["ax"]],
    ["[\\]a]", ["]", "a"], ["\\"]],
    ["a]", ["a]"], ["a"]],
    ["\\*", ["*"], ["a", "\\*"]],
    ["a.b+c(d)|{e}$^", ["a.b+c(d)|{e}$^"], ["axb"]],
    ["a\\b", ["ab"], ["a\\b"]],
  ];
  for (const [text, fits, not] of cases) {
    test(text, () => {
      const pattern = new IgnorePattern(text);
      for (const path of fits) expect([path, pattern.matches(path)]).toEqual([path, true]);
      for (const path of not) expect([path, pattern.matches(path)]).toEqual([path, false]);
    });
  }

  for (const text of ["[", "[a", "[]", "[]a]", "[^]", "[a-]", "[-a]", "a\\", "[\\"]) {
    test(`${text} is refused`, () =>
      expect(() => new IgnorePattern(text)).toThrow("syntax error in pattern"));
  }

  test("no pattern is slow", () => {
    const pattern = new IgnorePattern(`${"**/*a".repeat(300)}b`);
    expect(pattern.matches(`${"a/".repeat(2000)}a`)).toBe(false);
    expect(() => new IgnorePattern("*".repeat(5000))).toThrow("syntax error in pattern");
  });
});

describe("parseIgnoreFile()", () => {
  const cases: [file: string, path: string, out: boolean][] = [
    ["*.md", "README.md", true],
    ["*.md", "docs/README.md", false],
    ["docs", "docs/x/y", true],
    ["docs/", "docs/x", true],
    ["/abs/", "abs/x", true],
    ["./a/../b", "b", true],
    ["../b", "b", false],
    ["docs\n!docs/keep", "docs/keep", false],
    ["docs\n!docs/keep", "docs/keep/x", false],
    ["docs\n!docs/keep", "docs/other", true],
    ["docs\n!docs/keep\ndocs/keep/no", "docs/keep/no", true],
    ["!docs\ndocs", "docs", true],
    ["*\n!src", "src/a", false],
    ["*\n!src\n**/*.log", "src/a/b.log", true],
    ["**/c\n!a", "a/c", true],
    ["# comment\n a \r\n\n", "a", true],
    ["# comment", "# comment", false],
    [" # none", "# none", true],
    ["\uFEFFa", "a", true],
    ["! a\nb", "a", false],
    ["a\n! a", "a", false],
    ["/", "a", false],
    [".", "a", false],
    ["", "x", false],
  ];
  for (const [file, path, out] of cases) {
    test(`${JSON.stringify(file)} ${out ? "leaves out" : "keeps"} ${path}`, () => {
      expect(parseIgnoreFile(file).leavesOut(path)).toBe(out);
    });
  }

  test("an exception to nothing is refused", () => {
    expect(() => parseIgnoreFile("a\n!")).toThrow('illegal exclusion pattern: "!"');
  });

  test("folders which nothing can be brought back from need not be read", () => {
    const rules = parseIgnoreFile("*\n!src/keep\n!docs");
    expect(
      ["src", "src/keep", "src/keep/x", "src/other", "docs/x", "node_modules"].map((path) =>
        rules.mayBringBack(path),
      ),
    ).toEqual([true, true, true, false, true, false]);
    expect(parseIgnoreFile("*\n!**/*.md").mayBringBack("any")).toBe(true);
    expect(parseIgnoreFile("*").mayBringBack("any")).toBe(false);
  });

  test("the answer does not depend on what was asked before", () => {
    const rules = parseIgnoreFile("a\n!a/b\n**/x");
    const paths = ["a", "a/b", "a/b/c", "a/c", "b/x", "a/b/x/y", "a/b/c/d", "b"];
    const answers = paths.map((path) => rules.leavesOut(path));
    expect(answers).toEqual([true, false, false, true, true, true, false, false]);
    expect(paths.toReversed().map((path) => rules.leavesOut(path))).toEqual(answers.toReversed());
  });
});

test("cleanPath() is Go's", () => {
  const cases = {
    "": ".",
    "/": "/",
    "a//b/./c/": "a/b/c",
    "../a": "../a",
    "a/../../b": "../b",
    "/../a": "/a",
    "./": ".",
  };
  for (const [path, clean] of Object.entries(cases)) expect(cleanPath(path)).toBe(clean);
});

test("a Dockerfile's own ignore file comes first", () => {
  expect(ignoreFileNames("build/Dockerfile.prod")).toEqual([
    "build/Dockerfile.prod.dockerignore",
    ".dockerignore",
  ]);
});
