import { describe, expect, test } from "bun:test";
import { DetachKeys, parseDetachKeys } from "./attach-keys.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

describe("parseDetachKeys()", () => {
  test("control characters, single characters, DEL", () => {
    expect(parseDetachKeys("ctrl-p,ctrl-q")).toEqual([16, 17]);
    expect(parseDetachKeys("ctrl-@,ctrl-a,ctrl-z,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_")).toEqual([
      0, 1, 26, 27, 28, 29, 30, 31,
    ]);
    expect(parseDetachKeys("a,DEL,Z")).toEqual([97, 127, 90]);
  });

  test("nothing means the default", () => {
    expect(parseDetachKeys("")).toEqual([16, 17]);
    expect(parseDetachKeys(undefined)).toEqual([16, 17]);
  });

  test.each(["ctrl-A", "ctrl-", "ab", "a,,b", "ctrl-1", "é", "ctrl-p "])("%p is refused", (keys) => {
    expect(() => parseDetachKeys(keys)).toThrow(`Invalid detach keys (${keys}) provided`);
  });
});

/** What passes for each chunk; `|` ends the row where the sequence was complete. */
function feed(keys: string, ...chunks: string[]): string[] {
  const filter = new DetachKeys(parseDetachKeys(keys));
  const row: string[] = [];
  for (const chunk of chunks) {
    const { pass, detached } = filter.filter(Buffer.from(chunk, "latin1"));
    row.push(text(pass));
    if (detached) return [...row, "|"];
  }
  return row;
}

describe("DetachKeys", () => {
  test("text passes", () => expect(feed("", "hello")).toEqual(["hello"]));
  test("the sequence in one chunk", () => expect(feed("", "ab\x10\x11cd")).toEqual(["ab", "|"]));
  test("the sequence over chunks", () => expect(feed("", "ab\x10", "\x11cd")).toEqual(["ab", "", "|"]));
  test("a beginning that leads nowhere is passed on", () => {
    expect(feed("", "ab\x10", "cd")).toEqual(["ab", "\x10cd"]);
    expect(feed("", "\x10", "\x10", "\x11")).toEqual(["", "\x10\x10", "\x11"]);
  });
  test("a longer sequence over many chunks", () => {
    expect(feed("a,b,c,d", "xa", "b", "c", "d")).toEqual(["x", "", "", "", "|"]);
    expect(feed("a,b,c,d", "xa", "b", "c", "x")).toEqual(["x", "", "", "abcx"]);
    expect(feed("a,b,c,d", "a", "bc", "abcd")).toEqual(["", "", "abcabcd"]);
  });
  test("one key", () => expect(feed("q", "abc", "deqf")).toEqual(["abc", "de", "|"]));
});
