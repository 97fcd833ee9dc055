import { expect, test } from "bun:test";
import { COMMANDS } from "../tree.ts";
import { editDistance, suggestions } from "./suggest.ts";

test("a misspelt command suggests the nearest", () => {
  const near = (word: string) => suggestions(word, Object.keys(COMMANDS));
  expect(near("pss")).toContain("ps");
  expect(near("isnpect")[0]).toBe("inspect");
  expect(near("imagse")[0]).toBe("image");
  expect(near("comp")).toContain("completion");
  expect(near("frobnicate")).toEqual([]);
});

test("editDistance() counts a swap of neighbours as one", () => {
  expect(editDistance("abc", "acb")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("kitten", "sitting")).toBe(3);
});
