import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealedProgram } from "./sealed-program.ts";

const directory = mkdtempSync(join(tmpdir(), "berth-sealed-"));
afterAll(() => rmSync(directory, { recursive: true }));

function program(name: string, says: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\necho ${says}\n`);
  chmodSync(path, 0o755);
  return path;
}

const output = (path: string) => Bun.spawnSync([path]).stdout.toString().trim();

test("a copy is executed, and after an update a copy of the new program", () => {
  const path = program("runtime", "one");
  const sealed = new SealedProgram(path);
  const first = sealed.path;
  expect(first).toStartWith("/proc/");
  expect(sealed.path).toBe(first);
  expect(output(first)).toBe("one");
  program("runtime", "another one");
  expect(output(sealed.path)).toBe("another one");
  // Whoever was given the old one a moment ago can still execute it.
  expect(output(first)).toBe("one");
});

test("what cannot be copied is executed as it is", () => {
  expect(new SealedProgram("/nowhere/runtime").path).toBe("/nowhere/runtime");
});
