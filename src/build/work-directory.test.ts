import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lease } from "./solve/lease.ts";
import { WorkDirectory } from "./work-directory.ts";

test("it is made when it is asked for, and goes with the build", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-work-"));
  try {
    const lease = new Lease();
    const discard = async (path: string) => rmSync(path, { recursive: true });
    const work = new WorkDirectory({ directory, discard }, "one", lease);
    const wish = work.forWish({
      name: "context",
      include: [],
      exclude: [],
      follow: [],
      services: {} as never,
    });
    expect(readdirSync(directory)).toEqual([]);
    expect(wish.directory).toBe(join(directory, "one"));
    expect(work.path).toBe(wish.directory);
    expect(existsSync(work.path)).toBe(true);
    await lease.release();
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
