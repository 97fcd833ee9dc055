import { describe, expect, test } from "bun:test";
import { ComposeError } from "../problem.ts";
import { type Node, plain } from "./node.ts";
import { parseYaml } from "./parse.ts";
import { plainScalar } from "./plain-scalar.ts";
import { Source } from "./source.ts";

const parse = (text: string): Node => parseYaml(new Source("compose.yaml", text))[0]!;
const read = (text: string): unknown => JSON.parse(JSON.stringify(plain(parse(text))));

test("plain scalars mean what Compose readers take them for", () => {
  const rows: [string, unknown][] = [
    ["", null],
    ["~", null],
    ["true", true],
    ["yes", "yes"],
    ["0440", 0o440],
    ["0o17", 15],
    ["0x1F", 31],
    ["0b11", 3],
    ["1_000", 1000],
    ["-5", -5],
    ["089", 89],
    ["1.50", 1.5],
    [".5", 0.5],
    ["1e3", 1000],
    ["22:22", "22:22"],
    ["2020-01-01", "2020-01-01"],
    ["1.2.3", "1.2.3"],
    ["0x", "0x"],
    ["9223372036854775807", 9223372036854775807n],
  ];
  for (const [text, value] of rows) expect([text, plainScalar(text)]).toEqual([text, value as never]);
});

describe("parseYaml", () => {
  test("anchors, aliases and merge keys", () => {
    const text = "base: &b {a: 1, b: 2}\nother: &o {b: 9, c: 3}\nx: {<<: [*b, *o], a: 0}\nlist: [*b]";
    expect(read(text)).toEqual({
      base: { a: 1, b: 2 },
      other: { b: 9, c: 3 },
      x: { a: 0, b: 2, c: 3 },
      list: [{ a: 1, b: 2 }],
    });
  });

  test("texts in double quotes go on in lines that are not indented", () => {
    const text = 'a:\n    b: ["-c", "one\\n\ntwo \\"quoted\\"\n\n  three", "x"]\n    c: "four\nfive"\nd: 1\n';
    expect(read(text)).toEqual({
      a: { b: ["-c", 'one\n two "quoted"\nthree', "x"], c: "four five" },
      d: 1,
    });
    expect(() => parse('a: "one\ntwo\n')).toThrow(ComposeError);
    expect(() => parse('a: "one\ntwo"\nb: [}\n')).toThrow("compose.yaml:3:5");
  });

  test("quoted values stay strings; __proto__ is a key", () => {
    expect(read("a: '1'\nb: \"true\"\nc: !!str 5")).toEqual({ a: "1", b: "true", c: "5" });
    expect(Object.keys(plain(parse("__proto__: {x: 1}")) as object)).toEqual(["__proto__"]);
  });

  test("!reset and !override mark values", () => {
    const node = parse("a: !reset [1]\nb: !override {c: 1}\nc: !reset");
    if (node.kind !== "mapping") throw new Error("a mapping was expected");
    expect([...node.entries.values()].map((entry) => entry.value.mark)).toEqual([
      "reset",
      "override",
      "reset",
    ]);
  });

  test("several documents", () => {
    expect(parseYaml(new Source("x", "a: 1\n---\nb: 2\n")).length).toBe(2);
  });

  const refused: [what: string, text: string, message: string][] = [
    [
      "a key that comes twice",
      "a:\n  b: 1\n  b: 2",
      'compose.yaml:3:3: the key "b" comes twice: it is already on line 2',
    ],
    [
      "a key that is no string",
      "a: {1: x}",
      "compose.yaml:1:5: a key must be a string, not 1: put it in quotes",
    ],
    ["an unknown alias", "a: *x", "compose.yaml:1:4: no anchor &x stands before this alias"],
    [
      "an alias in its own anchor",
      "a: &x [*x]",
      "compose.yaml:1:8: the alias *x stands inside its own anchor",
    ],
    ["a merge of no mapping", "a: {<<: 1}", "<< takes a mapping or a list of mappings"],
    ["broken text", "a: [1", "compose.yaml:1:6: "],
  ];
  for (const [what, text, message] of refused)
    test(`refuses ${what}`, () => expect(() => parse(text)).toThrow(message));
});

describe("hostile text is refused in bounded time", () => {
  test("aliases that multiply", () => {
    const levels = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
    for (let level = 1; level < 20; level++) {
      const [before, name] = [String.fromCharCode(96 + level), String.fromCharCode(97 + level)];
      levels.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(",")}]`);
    }
    expect(() => parse(levels.join("\n"))).toThrow("more than 200000 values, aliases written out");
  });

  test("merges that multiply", () => {
    const keys = Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join(", ");
    const merges = Array(2000).fill("{<<: *a}").join(", ");
    expect(() => parse(`a: &a {${keys}}\nb: [${merges}]`)).toThrow("more than 200000 values");
    const again = Array(20_000).fill("*a").join(", ");
    expect(() => parse(`a: &a {${keys}}\nb: {<<: [${again}]}`)).toThrow("more than 200000 values");
  });

  test("nesting", () => {
    expect(() => parse(`a: ${"[".repeat(50_000)}${"]".repeat(50_000)}`)).toThrow("nested too deeply");
    expect(() => parse(`a: ${"[".repeat(200)}${"]".repeat(200)}`)).toThrow("nested too deeply");
    expect(() => parse(`a: ${"{a: ".repeat(200)}1${"}".repeat(200)}`)).toThrow("nested too deeply");
  });

  test("length", () => {
    expect(() => parse(`a: ${"x".repeat(4 * 1024 * 1024)}`)).toThrow("the file is longer than");
  });
});
