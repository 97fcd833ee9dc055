import { expect, test } from "bun:test";
import { mergeEnvironment, processEnvironment } from "./environment.ts";

test("processEnvironment() gives Docker's defaults, which image and user replace", () => {
  expect(processEnvironment({ hostname: "h", tty: true, env: ["A=1", "PATH=/x", "A=2"] })).toEqual([
    "PATH=/x",
    "HOSTNAME=h",
    "TERM=xterm",
    "A=2",
  ]);
  expect(processEnvironment({ hostname: "h", tty: false, env: null }).length).toBe(2);
});

test("mergeEnvironment() takes a variable away for a bare name, and keeps empty and odd values", () => {
  expect(mergeEnvironment(["A=1", "B=2"], ["A", "C=", "D=x=y"])).toEqual(["B=2", "C=", "D=x=y"]);
});
