import type { RunSettings } from "./contract.ts";

/** What the processes of steps may use where nobody has said: as much as there is. */
export const NO_LIMITS = {
  memoryBytes: undefined,
  memorySwapBytes: undefined,
  cpuShares: undefined,
  cpuPeriod: undefined,
  cpuQuota: undefined,
  cpusetCpus: undefined,
  cpusetMems: undefined,
} satisfies Partial<RunSettings>;
