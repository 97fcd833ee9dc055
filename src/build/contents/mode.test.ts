import { expect, test } from "bun:test";
import { parseModeChange } from "./mode.ts";

/** What chmod(1) makes of it, without a umask. */
const cases: readonly (readonly [text: string, mode: number, isDirectory: boolean, result: number])[] = [
  ["644", 0o777, false, 0o644],
  ["04755", 0o600, false, 0o4755],
  ["0", 0o777, false, 0],
  ["u=rwX,go=rX", 0o600, false, 0o644],
  ["u=rwX,go=rX", 0o700, false, 0o755],
  ["u=rwX,go=rX", 0o600, true, 0o755],
  ["a-w", 0o666, false, 0o444],
  ["+x", 0o644, false, 0o755],
  ["go=", 0o777, false, 0o700],
  ["g=u", 0o640, false, 0o660],
  ["o=g-w", 0o660, false, 0o664],
  ["u+s,g+s,+t", 0o755, false, 0o7755],
  ["u-s", 0o4755, false, 0o755],
  ["u=rwx", 0o4755, false, 0o755],
  ["u=rwx", 0o4755, true, 0o4755],
  ["a+X", 0o644, false, 0o644],
];
for (const [text, mode, isDirectory, result] of cases) {
  test(`${text} of ${mode.toString(8)}${isDirectory ? " (a folder)" : ""}`, () => {
    expect(parseModeChange(text)!(mode, isDirectory).toString(8)).toBe(result.toString(8));
  });
}

test("what is no mode", () => {
  for (const text of ["x", "u", "u=q", "u=r,", "99"])
    expect(() => parseModeChange(text)).toThrow("invalid chmod parameter");
});
