import { expect, test } from "bun:test";
import { shownName } from "./file-names.ts";

test("a name is one line, and moves nobody's cursor", () => {
  expect(shownName("/usr/bin/ls é 漢 😀")).toBe("/usr/bin/ls é 漢 😀");
  expect(shownName("/a\n/b\t\x1b[2J\x9b\x7f")).toBe("/a\\x0a/b\\x09\\x1b[2J\\x9b\\x7f");
  expect(shownName("/exe\u202etxt\u2066")).toBe("/exe\\u202etxt\\u2066");
  expect(shownName("/bad\udcff\udc80")).toBe("/bad\\xff\\x80");
  expect(shownName("/\ud83d")).toBe("/\\ud83d");
});
