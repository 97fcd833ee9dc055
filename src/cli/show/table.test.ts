import { expect, test } from "bun:test";
import { alignColumns, ellipsis } from "./table.ts";

test("a column is as wide as its widest cell and three spaces, at least ten", () => {
  expect(alignColumns("A\tB\tC\naaaaaaaaaaaa\tb\tc\n")).toBe(
    "A              B         C\naaaaaaaaaaaa   b         c\n",
  );
});

test("the last cell of a line belongs to no column", () => {
  expect(alignColumns("A\tB\na\ta very long last cell\n")).toBe(
    "A         B\na         a very long last cell\n",
  );
});

test("a column ends where a line does not have it", () => {
  expect(alignColumns("aaaaaaaaaaaaaaa\tb\nx\nc\td\n")).toBe("aaaaaaaaaaaaaaa   b\nx\nc         d\n");
});

test("an empty cell keeps its column", () => {
  expect(alignColumns("A\tPORTS\tNAMES\na\t\tn\n")).toBe(
    "A         PORTS     NAMES\na                   n\n",
  );
});

test("wide characters take two columns", () => {
  expect(alignColumns("日本\tx\nab\tx\n")).toBe("日本      x\nab        x\n");
});

test("ellipsis() cuts by columns", () => {
  expect(ellipsis("abcdef", 6)).toBe("abcdef");
  expect(ellipsis("abcdefg", 6)).toBe("abcde…");
  expect(ellipsis("日本語日本語", 7)).toBe("日本語…");
});
