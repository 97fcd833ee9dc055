import { describe, expect, test } from "bun:test";
import { readDotenv } from "./dotenv.ts";

function read(text: string, outside: Record<string, string> = {}): Record<string, string> {
  const into = new Map<string, string>();
  readDotenv(text, ".env", into, (name) => outside[name]);
  return Object.fromEntries(into);
}

describe("readDotenv", () => {
  const rows: [what: string, text: string, values: Record<string, string>][] = [
    ["pairs, comments, blank lines", "\n# no\nA=1\n  B = 2 \n\nC=\n", { A: "1", B: "2", C: "" }],
    ["a colon", "A: 1", { A: "1" }],
    ["export", "export A=1\nexport   B='2'", { A: "1", B: "2" }],
    ["comments behind values", "A=x # no\nB=x#y\nC='x' # no", { A: "x", B: "x#y", C: "x" }],
    ["single quotes keep all", "A='$B \\n ${'", { A: "$B \\n ${" }],
    ["double quotes: escapes", 'A="x\\ny\\t\\"q\\" \\$B"', { A: 'x\ny\t"q" $B' }],
    ["escaped single quote", "A='it\\'s'", { A: "it's" }],
    ["several lines", "A=\"x\ny\"\nB='1\n2'\nC=3", { A: "x\ny", B: "1\n2", C: "3" }],
    ["variables", "A=1\nB=$A-${A}\nC=\"${A}${NO:-d}\"\nD='$A'", { A: "1", B: "1-1", C: "1d", D: "$A" }],
    ["later lines win", "A=1\nA=2", { A: "2" }],
    ["windows line ends", "A=1\r\nB='2'\r\n", { A: "1", B: "2" }],
    ["byte order mark", "\uFEFFA=1", { A: "1" }],
    ["dots, dashes, brackets in names", "a.b-c[0]=1", { "a.b-c[0]": "1" }],
    ["octal", 'A="\\0101"', { A: "A" }],
    ["an equals sign in the value", "A=b=c", { A: "b=c" }],
  ];
  for (const [what, text, values] of rows) test(what, () => expect(read(text)).toEqual(values));

  test("a lone name takes its value from outside", () => {
    expect(read("A\nB\nC=1", { A: "out" })).toEqual({ A: "out", C: "1" });
    expect(read("A", { A: "out" })).toEqual({ A: "out" });
  });

  test("variables come from outside first", () => {
    expect(read("A=1\nB=$A", { A: "out" })).toEqual({ A: "1", B: "out" });
  });

  test("says file and line", () => {
    expect(() => read("A=1\nB='x")).toThrow("failed to read .env: line 2: unterminated quoted value 'x");
    expect(() => read("A=1\nB!=x")).toThrow(`line 2: unexpected character "!" in variable name "B!=x"`);
    expect(() => read("A B=x")).toThrow("line 1: key cannot contain a space");
    expect(() => read("A=${B:?say so}")).toThrow("line 1: required variable B is missing a value: say so");
  });
});
