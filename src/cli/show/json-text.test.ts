import { expect, test } from "bun:test";
import { compactJson, indentJson } from "./json-text.ts";

const SAMPLE =
  '{"b": [1, {"x":9223372036854775807}], "a":"q\\"{,}\\u003c", "e":{}, "f":[ ], "n":null,"t":true}';

test("JSON is laid out anew without touching keys, digits and escapes", () => {
  expect(compactJson(SAMPLE)).toBe(
    '{"b":[1,{"x":9223372036854775807}],"a":"q\\"{,}\\u003c","e":{},"f":[],"n":null,"t":true}',
  );
  expect(indentJson(`[${SAMPLE}]`)).toBe(
    '[\n    {\n        "b": [\n            1,\n            {\n                "x": 9223372036854775807\n            }\n        ],\n        "a": "q\\"{,}\\u003c",\n        "e": {},\n        "f": [],\n        "n": null,\n        "t": true\n    }\n]',
  );
});
