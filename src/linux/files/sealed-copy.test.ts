import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { sealedCopy } from "./sealed-copy.ts";

test("the copy runs, and cannot be written to", async () => {
  using copy = sealedCopy("/bin/echo");
  const child = Bun.spawn([copy.path, "still here"], { stdout: "pipe" });
  expect(await child.stdout.text()).toBe("still here\n");
  // Until then the kernel says ETXTBSY.
  await child.exited;
  expect(() => writeFileSync(copy.path, "something else")).toThrow("EPERM");
});

test("it is gone when it is disposed of", () => {
  const copy = sealedCopy("/bin/echo");
  copy[Symbol.dispose]();
  expect(existsSync(copy.path)).toBe(false);
});

test("a program that is not there", () => {
  expect(() => sealedCopy("/nowhere/program")).toThrow("ENOENT");
});
