import { describe, expect, test } from "bun:test";
import { ExpansionBudget } from "./budget.ts";
import { type ExpandOptions, expandWord, expandWords } from "./expand.ts";

const VARIABLES = new Map([
  ["HOME", "/root"],
  ["EMPTY", ""],
  ["FILE", "/usr/lib/lib.so.1"],
  ["STARS", "a**b?c"],
  ["LIST", "x y"],
  ["MARK", "한국어"],
  ["SLASHES", "a/b/c"],
  ["LINES", "one\ntwo"],
  ["STAR", "*"],
]);

describe("expandWord()", () => {
  const cases: [word: string, result: string][] = [
    // Quotes and escapes.
    ["plain", "plain"],
    ["it\\'s", "it's"],
    ["a\\tb", "atb"],
    ['"a\\tb"', "a\\tb"],
    ['"a\\\\tb"', "a\\tb"],
    ["'a\\tb'", "a\\tb"],
    ["a'b c'd", "ab cd"],
    ["'\\'", "\\"],
    ['"it\'s"', "it's"],
    ["'\"'", '"'],
    ["end\\", "end"],
    ["end\\\\", "end\\"],
    ['"\\$HOME \\" \\a"', '$HOME " \\a'],
    ["\\$HOME \\${HOME}", "$HOME ${HOME}"],
    ["안'녕\\'하", "안녕\\하"],
    // Names.
    ["$HOME", "/root"],
    ["a${HOME}b", "a/rootb"],
    ["$HOMEb", ""],
    ["$HOME-b", "/root-b"],
    ["$NONE.", "."],
    ["$", "$"],
    ["$.", "$."],
    ["a$ b", "a$ b"],
    ["$1a", "a"],
    ["$12a", "a"],
    ["$@a $* $# $? $- $$ $!", "a      "],
    ["'$HOME' \"'$HOME'\"", "$HOME '/root'"],
    ["$MARK", "한국어"],
    // What to take instead.
    ["${NONE:-x} ${EMPTY:-x} ${HOME:-x}", "x x /root"],
    ["${NONE-x} ${EMPTY-x} ${HOME-x}", "x  /root"],
    ["${NONE:+x} ${EMPTY:+x} ${HOME:+x}", "  x"],
    ["${NONE+x} ${EMPTY+x} ${HOME+x}", " x x"],
    ["${HOME:?x} ${EMPTY?x}", "/root "],
    ["${NONE:-${NEITHER:-$HOME}}", "/root"],
    ["${NONE:-a b 'c}'}", "a b c}"],
    ["${NONE:-\\}}", "}"],
    ["${NONE:-}", ""],
    ["${NONE:-{a}", "{a"],
    ["${1:-x}${@:-y}", "xy"],
    ["${HOME}}", "/root}"],
    // Prefixes and suffixes.
    ["${FILE#*/}", "usr/lib/lib.so.1"],
    ["${FILE##*/}", "lib.so.1"],
    ["${FILE%.*}", "/usr/lib/lib.so"],
    ["${FILE%%.*}", "/usr/lib/lib"],
    ["${FILE#/us?/}", "lib/lib.so.1"],
    ["${FILE#nothing}", "/usr/lib/lib.so.1"],
    ["${FILE%/}", "/usr/lib/lib.so.1"],
    ["${STARS#a\\*}", "*b?c"],
    ["${STARS%\\?*}", "a**b"],
    ["${STARS#$STAR}", "a**b?c"],
    ["${STARS##*}", ""],
    ["${STARS#}${STARS%%}", "a**b?ca**b?c"],
    ["${FILE#*usr*lib}", "/lib.so.1"],
    ["${FILE##*usr*lib}", ".so.1"],
    ["${MARK%?}", "한국"],
    ["${LINES#*two}", "one\ntwo"],
    ["${NONE#a}", ""],
    // Replacements.
    ["${SLASHES/\\//-}", "a-b/c"],
    ["${SLASHES//\\//-}", "a-b-c"],
    ["${FILE/lib/}", "/usr//lib.so.1"],
    ["${FILE//lib/x$HOME}", "/usr/x/root/x/root.so.1"],
    ["${FILE/l*b/x}", "/usr/x.so.1"],
    ["${STARS//\\*/.}", "a..b?c"],
    ["${FILE//[a-z]/x}", "/usr/lib/lib.so.1"],
    ["${SLASHES//?/x}", "xxxxx"],
    ["${SLASHES/$EMPTY/x}", "xa/b/c"],
    ["${SLASHES//$EMPTY/x}", "xax/xbx/xcx"],
    ["${SLASHES//*/x}", "x"],
    ["${NONE/a/b}", ""],
    ["${LINES//?/x}", "xxx\nxxx"],
    ["<<$HOME <$HOME", "<</root </root"],
  ];
  for (const [word, result] of cases) {
    test(`${word} is ${JSON.stringify(result)}`, () => expect(expandWord(word, VARIABLES).text).toBe(result));
  }

  const refused: [word: string, reason: string][] = [
    ["'a", "looking for matching single-quote"],
    ['"a', "looking for matching double-quote"],
    ['"a\\"', "looking for matching double-quote"],
    ["${", "missing '}'"],
    ["${HOME", "missing '}'"],
    ["${HOME:-a", "missing '}'"],
    ["${HOME:-${FILE}", "missing '}'"],
    ["${}", "bad substitution"],
    ["${{a}}", "bad substitution"],
    ["${:-a}", "bad substitution"],
    ["${.}", "unsupported modifier (.)"],
    ["${HOME=a}", "unsupported modifier (=)"],
    ["${HOME:=a}", "unsupported modifier (:=)"],
    ["${HOME:a}", "unsupported modifier (:a)"],
    ["${HOME:#a}", "unsupported modifier (:#)"],
    ["${HOME:%a}", "unsupported modifier (:%)"],
    ["${HOME^}", "unsupported modifier (^)"],
    ["${HOME/a}", "missing '/' in ${}"],
    ["${HOME//}", "missing '/' in ${}"],
    ["${HOME/a/b", "missing '}'"],
    ["${HOME#\\a}", "invalid pattern (\\a) in substitution"],
    ["${NONE?}", "NONE: is not allowed to be unset"],
    ["${NONE:?}", "NONE: is not allowed to be unset"],
    ["${EMPTY:?}", "EMPTY: is not allowed to be empty"],
    ["${NONE:?give $HOME}", "NONE: give /root"],
  ];
  for (const [word, reason] of refused) {
    test(`${word} is refused`, () => {
      expect(() => expandWord(word, VARIABLES)).toThrow(`failed to process ${JSON.stringify(word)}: `);
      expect(() => expandWord(word, VARIABLES)).toThrow(reason);
    });
  }

  test("it says which variables were asked for", () => {
    const { matched, unmatched } = expandWord("$HOME ${NONE:-$FILE} '$LIST' ${EMPTY+$MARK}", VARIABLES);
    expect([...matched].sort()).toEqual(["EMPTY", "FILE", "HOME", "MARK"]);
    expect([...unmatched]).toEqual(["NONE"]);
  });

  const options: [name: string, options: ExpandOptions, word: string, result: string][] = [
    ["another escape character", { escape: "`" }, "`$HOME \\a $HOME", "$HOME \\a /root"],
    ["raw quotes", { rawQuotes: true }, "'a' \"$HOME\"", "'a' \"/root\""],
    ["raw escapes", { rawEscapes: true }, '\\a "\\$"', "\\a \\$"],
    ["plain quotes", { plainQuotes: true }, 'it\'s "$HOME" \\$', 'it\'s "/root" $'],
    [
      "unset ones kept",
      { keepUnset: true },
      "$HOME $A ${A} ${A:-b} ${A#b} ${A//b/c}",
      "/root $A ${A} ${A:-b} ${A#b} ${A/b/c}",
    ],
  ];
  for (const [name, given, word, result] of options) {
    test(name, () => expect(expandWord(word, VARIABLES, given).text).toBe(result));
  }
});

describe("expandWords()", () => {
  const cases: [text: string, ...words: string[]][] = [
    ["a  b\tc", "a", "b", "c"],
    ["a$LIST", "ax", "y"],
    ["'$LIST' \"$LIST\"", "$LIST", "x y"],
    ["a\\ b", "a b"],
    ["80${NONE:-81} 82", "8081", "82"],
    ["", ...[]],
    ["'' b", "b"],
  ];
  for (const [text, ...words] of cases) {
    test(JSON.stringify(text), () => expect(expandWords(text, VARIABLES)).toEqual(words));
  }
});

describe("hostile words come to an end", () => {
  test("what is nested too deeply", () => {
    expect(() => expandWord("${a:-".repeat(100_000), VARIABLES)).toThrow();
    expect(() => expandWord(`${"${a:-".repeat(64)}x${"}".repeat(64)}`, VARIABLES)).not.toThrow();
    expect(() => expandWord(`${"${a:-".repeat(65)}x${"}".repeat(65)}`, VARIABLES)).toThrow();
  });

  test("what grows", () => {
    const variables = new Map([["A", "x".repeat(65_536)]]);
    expect(expandWord("$A$A", variables).text).toHaveLength(131_072);
    expect(() => expandWord("$A$A$A", variables)).toThrow("longer than 131072 characters");
    const budget = new ExpansionBudget();
    const all = () => {
      for (let count = 0; count < 2000; count++) expandWord("$A", variables, { budget });
    };
    expect(all).toThrow("longer than 67108864 characters");
  });

  test("what takes long to match", () => {
    const variables = new Map([["A", "a".repeat(50_000)]]);
    expect(() => expandWord(`\${A##${"*a".repeat(1000)}b}`, variables)).toThrow("take too long to match");
    expect(() => expandWord(`\${A//${"*a".repeat(50)}b/c}`, variables)).toThrow("take too long to match");
    expect(expandWord("${A//a/b}", variables).text).toBe("b".repeat(50_000));
  });
});
