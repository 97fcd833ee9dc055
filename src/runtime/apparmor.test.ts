import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultAppArmorProfile } from "./apparmor.ts";
import { findProgram } from "./programs.ts";

const parser = findProgram("apparmor_parser");

test.skipIf(parser === undefined)("the default profile is one that AppArmor understands", async () => {
  const cache = mkdtempSync(join(tmpdir(), "berth-aa-"));
  try {
    const child = Bun.spawn([parser ?? "", "--skip-kernel-load", "--cache-loc", cache], {
      stdio: [Buffer.from(defaultAppArmorProfile("unconfined")), "ignore", "pipe"],
    });
    const words = await child.stderr.text();
    expect([await child.exited, words]).toEqual([0, expect.any(String)]);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
});

test("the daemon's own profile may send signals, whatever it is called", () => {
  expect(defaultAppArmorProfile("/usr/bin/berth")).toContain('signal (receive) peer="/usr/bin/berth",');
  expect(defaultAppArmorProfile('x",\n  file,')).not.toContain('x"');
});
