import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { machine, release } from "node:os";
import { gunzipSync } from "bun";
import { unusableArchitectures } from "./foreign-architectures.ts";

/** The kernel's configuration, where it tells. */
function configuration(): string | undefined {
  if (existsSync("/proc/config.gz"))
    return new TextDecoder().decode(gunzipSync(readFileSync("/proc/config.gz")));
  const path = `/boot/config-${release()}`;
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

const config = configuration();

test.skipIf(machine() !== "x86_64" || config === undefined)(
  "unusableArchitectures() agrees with the kernel's configuration",
  () => {
    const unusable = unusableArchitectures("x86_64");
    if (!/^CONFIG_X86_X32(_ABI)?=y/m.test(config ?? "")) expect(unusable).toContain("SCMP_ARCH_X32");
    if (/^# CONFIG_IA32_EMULATION is not set/m.test(config ?? ""))
      expect(unusable).toContain("SCMP_ARCH_X86");
    else expect(unusable).not.toContain("SCMP_ARCH_X86");
  },
);

test("other machines have none", () => {
  expect(unusableArchitectures("aarch64")).toEqual(new Set());
});
