import { invalidParameter } from "../../lib/index.ts";
import type { Resources } from "../../wire/index.ts";
import type { CgroupLimits, HostFacts } from "../contract.ts";

/** Docker's floor: below it not even the runtime's own start fits. */
const MIN_MEMORY_BYTES = 6 << 20;

export interface CheckedResources {
  /** What can be had; the rest is taken out. */
  readonly resources: Resources;
  /** Docker's sentences for the client. */
  readonly warnings: string[];
}

type ResourceFacts = Pick<HostFacts, "limits" | "cpuCount">;

/**
 * Checks limits as Docker does at create, start and update, and takes out what this kernel cannot do.
 * @throws InvalidParameter with Docker's texts
 */
export function checkResources(
  resources: Resources,
  facts: ResourceFacts,
  o: { update?: boolean } = {},
): CheckedResources {
  checkMemory(resources, o.update === true);
  checkCpu(resources, facts);
  checkBlockIo(resources);
  return discardUnsupported(resources, facts);
}

function checkMemory(r: Resources, update: boolean): void {
  const { Memory = 0, MemorySwap = 0, MemoryReservation = 0, MemorySwappiness } = r;
  if (Memory !== 0 && Memory < MIN_MEMORY_BYTES)
    throw invalidParameter("Minimum memory limit allowed is 6MB");
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw invalidParameter("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (Memory === 0 && MemorySwap > 0 && !update) {
    throw invalidParameter("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (typeof MemorySwappiness === "number" && (MemorySwappiness < -1 || MemorySwappiness > 100)) {
    throw invalidParameter(`Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (MemoryReservation > 0 && MemoryReservation < MIN_MEMORY_BYTES) {
    throw invalidParameter("Minimum memory reservation allowed is 6MB");
  }
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation) {
    throw invalidParameter("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
}

function checkCpu(r: Resources, { cpuCount, limits }: ResourceFacts): void {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, CpusetCpus = "", CpusetMems = "" } = r;
  if (NanoCpus > 0 && CpuPeriod > 0) {
    throw invalidParameter("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (NanoCpus > 0 && CpuQuota > 0) {
    throw invalidParameter("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  if (NanoCpus > 0 && !limits.cpuCfs) {
    throw invalidParameter(
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    );
  }
  if (NanoCpus < 0 || NanoCpus > cpuCount * 1e9) {
    throw invalidParameter(
      `range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`,
    );
  }
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000)) {
    throw invalidParameter(
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    );
  }
  if (CpuQuota > 0 && CpuQuota < 1000) {
    throw invalidParameter("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if (!limits.cpuset) return;
  checkSet(CpusetCpus, limits.cpus, "cpus", "CPUs");
  checkSet(CpusetMems, limits.mems, "mems", "memory nodes");
}

function checkSet(wanted: string, available: string, name: string, words: string): void {
  const numbers = parseCpuList(wanted);
  if (!numbers) throw invalidParameter(`Invalid value ${wanted} for cpuset ${name}`);
  const known = parseCpuList(available) ?? new Set();
  if (available !== "" && [...numbers].some((number) => !known.has(number))) {
    throw invalidParameter(
      `Requested ${words} are not available - requested ${wanted}, available: ${available}`,
    );
  }
}

const MAX_CPU = 8192;

/** cpuset(7)'s list: `0-3,7`. `undefined` for what is none. */
export function parseCpuList(text: string): Set<number> | undefined {
  const numbers = new Set<number>();
  for (const part of text.trim().split(",")) {
    if (part === "") continue;
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) > MAX_CPU) return undefined;
    for (let number = Number(first); number <= Number(last); number++) numbers.add(number);
  }
  return numbers;
}

function checkBlockIo(r: Resources): void {
  const weight = r.BlkioWeight ?? 0;
  if (weight > 0 && (weight < 10 || weight > 1000)) {
    throw invalidParameter("Range of blkio weight is from 10 to 1000");
  }
  if (r.IOMaximumBandwidth || r.IOMaximumIOps) {
    throw invalidParameter(
      "Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps",
    );
  }
}

interface Discard {
  readonly supported: (limits: CgroupLimits) => boolean;
  readonly wanted: (r: Resources) => boolean;
  readonly without: Partial<Resources>;
  /** None: nobody needs to know, since the wish was for what happens anyway. */
  readonly warning?: string;
}

const kernelLacks = (what: string, or: string) =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${or}`;
const some = (list: readonly unknown[] | null | undefined) => (list?.length ?? 0) > 0;

const DISCARDS: readonly Discard[] = [
  {
    supported: (l) => l.memory,
    wanted: (r) => (r.Memory ?? 0) > 0,
    without: { Memory: 0, MemorySwap: -1 },
    warning: kernelLacks("memory limit capabilities", "Limitation discarded."),
  },
  {
    supported: (l) => l.swap,
    wanted: (r) => (r.MemorySwap ?? 0) > 0,
    without: { MemorySwap: 0 },
    warning: kernelLacks("swap limit capabilities", "Memory limited without swap."),
  },
  {
    supported: (l) => l.swap,
    wanted: (r) => r.MemorySwap === -1,
    without: { MemorySwap: 0 },
  },
  {
    supported: (l) => l.memorySwappiness,
    wanted: (r) => typeof r.MemorySwappiness === "number" && r.MemorySwappiness !== -1,
    without: { MemorySwappiness: null },
    warning: kernelLacks("memory swappiness capabilities", "Memory swappiness discarded."),
  },
  {
    supported: () => false,
    wanted: (r) => r.MemorySwappiness === -1,
    without: { MemorySwappiness: null },
  },
  {
    supported: (l) => l.memoryReservation,
    wanted: (r) => (r.MemoryReservation ?? 0) > 0,
    without: { MemoryReservation: 0 },
    warning: kernelLacks("memory soft limit capabilities", "Limitation discarded."),
  },
  {
    supported: (l) => l.oomKillDisable,
    wanted: (r) => r.OomKillDisable === true,
    without: { OomKillDisable: null },
    warning: "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
  },
  {
    supported: (l) => l.pids,
    wanted: (r) => (r.PidsLimit ?? 0) > 0,
    without: { PidsLimit: null },
    warning: kernelLacks("PIDs limit capabilities", "PIDs limit discarded."),
  },
  {
    supported: (l) => l.pids,
    wanted: (r) => typeof r.PidsLimit === "number",
    without: { PidsLimit: null },
  },
  {
    supported: (l) => l.cpuShares,
    wanted: (r) => (r.CpuShares ?? 0) > 0,
    without: { CpuShares: 0 },
    warning: kernelLacks("CPU shares", "Shares discarded."),
  },
  {
    supported: (l) => l.cpuCfs,
    wanted: (r) => Boolean(r.CpuPeriod || r.CpuQuota),
    without: { CpuPeriod: 0, CpuQuota: 0 },
    warning: "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.",
  },
  {
    supported: (l) => l.cpuRealtime,
    wanted: (r) => Boolean(r.CpuRealtimePeriod || r.CpuRealtimeRuntime),
    without: { CpuRealtimePeriod: 0, CpuRealtimeRuntime: 0 },
    warning: "Your kernel does not support CPU real-time scheduler. CPU real-time settings discarded.",
  },
  {
    supported: () => false,
    wanted: (r) => (r.CpuPercent ?? 0) > 0,
    without: { CpuPercent: 0 },
    warning: "linux does not support CPU percent. Percent discarded.",
  },
  {
    supported: (l) => l.cpuset,
    wanted: (r) => Boolean(r.CpusetCpus || r.CpusetMems),
    without: { CpusetCpus: "", CpusetMems: "" },
    warning: kernelLacks("cpuset", "Cpuset discarded."),
  },
  {
    supported: (l) => l.blkioWeight,
    wanted: (r) => (r.BlkioWeight ?? 0) > 0,
    without: { BlkioWeight: 0 },
    warning: kernelLacks("Block I/O weight", "Weight discarded."),
  },
  {
    supported: (l) => l.blkioWeightDevice,
    wanted: (r) => some(r.BlkioWeightDevice),
    without: { BlkioWeightDevice: [] },
    warning: kernelLacks("Block I/O weight_device", "Weight-device discarded."),
  },
  {
    supported: (l) => l.blkioThrottle,
    wanted: (r) => some(r.BlkioDeviceReadBps),
    without: { BlkioDeviceReadBps: [] },
    warning: kernelLacks("BPS Block I/O read limit", "Block I/O BPS read limit discarded."),
  },
  {
    supported: (l) => l.blkioThrottle,
    wanted: (r) => some(r.BlkioDeviceWriteBps),
    without: { BlkioDeviceWriteBps: [] },
    warning: kernelLacks("BPS Block I/O write limit", "Block I/O BPS write limit discarded."),
  },
  {
    supported: (l) => l.blkioThrottle,
    wanted: (r) => some(r.BlkioDeviceReadIOps),
    without: { BlkioDeviceReadIOps: [] },
    warning: kernelLacks("IOPS Block read limit", "Block I/O IOPS read limit discarded."),
  },
  {
    supported: (l) => l.blkioThrottle,
    wanted: (r) => some(r.BlkioDeviceWriteIOps),
    without: { BlkioDeviceWriteIOps: [] },
    warning: kernelLacks("IOPS Block write limit", "Block I/O IOPS write limit discarded."),
  },
];

/** Takes out what this kernel cannot do, and says so. A memory limit without one for swap gets Docker's: twice the memory. */
export function discardUnsupported(wanted: Resources, { limits }: ResourceFacts): CheckedResources {
  const warnings: string[] = [];
  let resources: Resources = { ...wanted };
  for (const discard of DISCARDS) {
    if (discard.supported(limits) || !discard.wanted(resources)) continue;
    resources = { ...resources, ...discard.without };
    if (discard.warning) warnings.push(discard.warning);
  }
  if (resources.OomKillDisable && !resources.Memory) {
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  }
  if ((resources.Memory ?? 0) > 0 && !resources.MemorySwap && limits.swap) {
    resources.MemorySwap = (resources.Memory ?? 0) * 2;
  }
  return { resources, warnings };
}
