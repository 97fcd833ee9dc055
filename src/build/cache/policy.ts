import { statfsSync } from "node:fs";
import type { CachePolicy, PolicyRule } from "./build-cache.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Where daemon.json says nothing: a tenth of the disk, within these. */
const LEAST_BYTES = 2 * GIB;
const DISK_SHARE = 0.1;

/** The rules of Docker's daemon where it is told no others (its `DefaultGCPolicy`). @param keepBytes for the whole cache */
export function defaultPolicy(keepBytes: number): CachePolicy {
  const rules: PolicyRule[] = [
    // What is made again most easily, once it is of some size and was not used for two days.
    ...["source.local", "exec.cachemount", "source.git.checkout"].map((type) => ({
      all: false,
      filters: { type: [type], "unused-for": ["48h"] },
      maxUsedBytes: 512 * MIB,
    })),
    { all: false, filters: { "unused-for": ["1440h"] }, maxUsedBytes: keepBytes },
    { all: false, filters: {}, maxUsedBytes: keepBytes },
    { all: true, filters: {}, maxUsedBytes: keepBytes },
  ];
  return { enabled: true, rules };
}

/** How much is kept where nobody says. */
export function defaultKeepBytes(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return Math.max(LEAST_BYTES, Math.floor(blocks * bsize * DISK_SHARE));
}
