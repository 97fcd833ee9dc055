import { expect, test } from "bun:test";
import { DetachMatcher, parseDetachKeys } from "./detach-keys.ts";

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (array: Uint8Array) => String.fromCharCode(...array);

test("parseDetachKeys() reads letters and control keys", () => {
  expect([...parseDetachKeys("ctrl-p,ctrl-q")]).toEqual([16, 17]);
  expect([...parseDetachKeys("ctrl-@,a,ctrl-[,ctrl-_")]).toEqual([0, 97, 27, 31]);
  for (const wrong of ["", "ctrl-", "ctrl-A", "ab", "ctrl-p,,a"])
    expect(() => parseDetachKeys(wrong)).toThrow("Unknown character");
});

test("keys that only begin the sequence reach the process", () => {
  const matcher = new DetachMatcher(parseDetachKeys("ctrl-p,ctrl-q"));
  expect(text(matcher.push(bytes("ab\x10")).pass)).toBe("ab");
  expect(text(matcher.push(bytes("c")).pass)).toBe("\x10c");
  expect(text(matcher.push(bytes("\x10\x10")).pass)).toBe("\x10");
});

test("the whole sequence detaches, and is not passed on", () => {
  const matcher = new DetachMatcher(parseDetachKeys("ctrl-p,ctrl-q"));
  expect(matcher.push(bytes("x\x10")).detached).toBe(false);
  expect(matcher.push(bytes("\x11rest"))).toEqual({ pass: new Uint8Array(0), detached: true });
});
