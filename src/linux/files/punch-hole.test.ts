import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { punchHole } from "./punch-hole.ts";

test("punchHole() frees blocks and changes neither the size nor anything beside them", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-punch-"));
  const path = join(directory, "file");
  writeFileSync(path, Buffer.alloc(1 << 20, "x"));
  const before = statSync(path);
  const fd = openSync(path, "r+");
  try {
    expect(punchHole(fd, 4096, (1 << 20) - 8192)).toBe(true);
    const after = statSync(path);
    expect(after.size).toBe(before.size);
    expect(after.blocks).toBeLessThan(before.blocks / 2);
    const bytes = readFileSync(path);
    expect([bytes[4095], bytes[4096], bytes[(1 << 20) - 4097], bytes[(1 << 20) - 4096]]).toEqual([
      120, 0, 0, 120,
    ]);
    expect(() => punchHole(fd, 0, 0)).toThrow("EINVAL");
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
});
