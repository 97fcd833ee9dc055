import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Node } from "./node.ts";
import { parseByLibrary } from "./parse.ts";
import { readQuickly } from "./quick.ts";
import { Source } from "./source.ts";

/** Values, marks and places; where nothing is written, its place says little. */
function outline(node: Node): unknown {
  const { mark } = node;
  if (node.kind === "scalar")
    return { value: node.value, float: node.float, mark, at: node.value === null ? 0 : node.at.offset };
  if (node.kind === "sequence") return { items: node.items.map(outline), mark, at: node.at.offset };
  const entries = [...node.entries].map(([key, { at, value }]) => [key, at.offset, outline(value)]);
  return { entries, mark, at: node.at.offset };
}

function both(text: string): [quick: unknown, library: unknown] {
  const quick = readQuickly(new Source("x", text));
  return [quick?.map(outline), parseByLibrary(new Source("x", text)).map(outline)];
}

describe("the quick reader reads what the library reads", () => {
  const texts = [
    "a: 1\nb:\n  c: x y z # no\n  d: 'it''s'\n  e: \"q\\n\\u0041\"\nf:\n",
    "a:\n- 1\n- b: 2\n  c: 3\n-\n  d: 4\n- [x, {y: z, w: }, 'q']\n-\nb: [ ]\nc: { }\n",
    "# first\n\na: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: &y [1]\nf: [*x, *y]\n",
    "a: &x\n  b: 1\nb: &y\n  - 1\nc: &z v\nd: [*x, *y, *z]\n",
    "a: |\n  one\n\n    two\nb: |-\n  x\nc: |+\n  y\n\nd: 1\n",
    "a: http://x:80/y#z\nb: -x\nc: x:y\nd: a#b\ne: 'x' # no\nf: a, b\ng: x]\n",
    'a: [a:b, http://x, x y , -z, "1:2"]\nb: {c: a:b, d: http://x:1/}\n',
    "a: !reset null\nb: !override [1]\nc: !override\n  - 1\nd: !reset\ne: !override {f: 1}\n",
    "a: [\n  1, # one\n  2\n  ]\nb: {\n  c: 1,\n  d: 2,\n  }\n",
    "\"a b\": 1\n'c': 2\nd.e/f: 3\n$g: 4\n<<x: 5\n",
    "a: 0440\nb: 1e6\nc: ~\nd: true\ne: yes\nf: 1_000\n",
    "a:\n  - b:\n      c: 1\n    d:\n    - e\n  - f\n",
    "a: 1",
    "a: x  \n\n\n# end",
  ];
  for (const text of texts) {
    test(JSON.stringify(text.slice(0, 50)), () => {
      const [quick, library] = both(text);
      expect(quick).toEqual(library as never);
    });
  }

  const goldens = join(import.meta.dir, "..", "goldens");
  for (const name of readdirSync(goldens)) {
    test(`golden ${name}`, () => {
      for (const file of ["compose.yaml", "expected.yaml"]) {
        const [quick, library] = both(readFileSync(join(goldens, name, file), "utf8"));
        if (quick !== undefined) expect(quick).toEqual(library as never);
      }
    });
  }
});

describe("what is beyond it is left to the library", () => {
  const texts = [
    "a: >\n  folded\n",
    "a: one\n  two\n",
    "a: 'one\n  two'\n",
    "? a\n: b\n",
    "---\na: 1\n",
    "a: !!str 1\n",
    "a:\tb\n",
    "a: [1\n",
    "a: 1\n  b: 2\n",
    "  a: 1\n b: 2\n",
    "a: b: c\n",
    "a: 'x' y\n",
    "a: [x] y\n",
    "- - a\n",
    "1: a\n",
    "a: |2\n  x\n",
    'a: "\\x41"\n',
    "a: @x\n",
    "a: {b}\n",
    "a: {\n  b: 1\n}\n",
    "a: [\n1]\n",
    "just text\n",
    "",
  ];
  for (const text of texts) {
    test(JSON.stringify(text), () => expect(readQuickly(new Source("x", text))).toBeUndefined());
  }
});
