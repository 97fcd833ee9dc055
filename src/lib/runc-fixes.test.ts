import { expect, test } from "bun:test";
import { isOlder, missingFix } from "./runc-fixes.ts";

test("a runc without the known fixes is told apart from those of distributions", () => {
  for (const version of ["1.0.3", "1.1.11"]) expect(missingFix(version)).toContain("CVE-2024-21626");
  for (const version of ["1.1.12", "1.2.7", "1.3.0", "1.3.2"])
    expect(missingFix(version)).toContain("CVE-2025-31133");
  for (const version of [
    "1.2.8",
    "1.2.9",
    "1.3.3",
    "1.4.0",
    "2.0.0",
    "1.1.5+ds1",
    "1.1.12-0ubuntu2~22.04.1",
  ]) {
    expect(missingFix(version)).toBeUndefined();
  }
});

test("versions are compared by their numbers", () => {
  expect(isOlder("1.2.7", [1, 2, 8])).toBe(true);
  expect(isOlder("1.10.0", [1, 2, 8])).toBe(false);
  expect(isOlder("1.2", [1, 2, 1])).toBe(true);
  expect(isOlder("2.1.6+ds", [2, 1, 6])).toBe(false);
});
