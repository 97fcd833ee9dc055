import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FAULT_POINTS } from "./fault-points.ts";

test("the list names the points that there are", () => {
  const found = new Set<string>();
  for (const file of new Bun.Glob("**/*.ts").scanSync({ cwd: import.meta.dir })) {
    if (/\.test\.ts$/.test(file)) continue;
    const text = readFileSync(join(import.meta.dir, file), "utf8");
    for (const [, name] of text.matchAll(/faultPoint\("((?:create|start|stop|remove):[^"]+)"\)/g))
      found.add(name!);
  }
  expect([...found].sort()).toEqual([...FAULT_POINTS].sort());
});
