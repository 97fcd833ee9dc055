import type { HostConfig } from "../../wire/index.ts";
import { parseSecurityOptions } from "./security-options.ts";

/**
 * Parts of /proc and /sys that tell about the host or its other tenants, hidden from a container. The reasons for the less
 * obvious ones: `interrupts` and `thermal_throttle` let one tenant time another's key strokes (GHSA-6fw5-f8r9-fgfm),
 * `powercap` its computations (GHSA-jq35-85cj-fj4p).
 */
const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

/** Parts of /proc through which the kernel could be changed. */
export const DEFAULT_READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** @param thermalThrottlePaths those of this host's CPUs */
export function defaultMaskedPaths(thermalThrottlePaths: readonly string[]): string[] {
  return [...MASKED_PATHS, ...thermalThrottlePaths];
}

/** What a container's host configuration makes of the defaults: a list of its own (an empty one too) wins over all else. */
export function restrictedPaths(
  host: HostConfig,
  thermalThrottlePaths: readonly string[],
): { masked: string[]; readonly: string[] } {
  const open = host.Privileged === true || parseSecurityOptions(host.SecurityOpt).systemPathsUnconfined;
  return {
    masked: [...(host.MaskedPaths ?? (open ? [] : defaultMaskedPaths(thermalThrottlePaths)))],
    readonly: [...(host.ReadonlyPaths ?? (open ? [] : DEFAULT_READONLY_PATHS))],
  };
}
