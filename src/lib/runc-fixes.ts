/**
 * What an old runc should be updated for; `undefined` where nothing is known. Distributions carry fixes back to old releases
 * under names of their own (Debian: 1.1.5+ds1; Ubuntu and Red Hat likewise): of those the number tells nothing.
 */
export function missingFix(version: string): string | undefined {
  if (/[+~-]/.test(version)) return undefined;
  if (isOlder(version, [1, 1, 12])) return "update it to 1.2.8 or later (CVE-2024-21626, CVE-2025-31133)";
  const masks = "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";
  if (isOlder(version, [1, 2, 8])) return `update it to 1.2.8 or later (${masks})`;
  const early13 = !isOlder(version, [1, 3, 0]) && isOlder(version, [1, 3, 3]);
  return early13 ? `update it to 1.3.3 or later (${masks})` : undefined;
}

/** Whether a version, by its leading numbers, is before another: `1.2.7+x` is before 1.2.8. */
export function isOlder(version: string, than: readonly number[]): boolean {
  const numbers = (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? "").split(".").map(Number);
  for (const [index, wanted] of than.entries()) {
    const own = numbers[index] ?? 0;
    if (own !== wanted) return own < wanted;
  }
  return false;
}
