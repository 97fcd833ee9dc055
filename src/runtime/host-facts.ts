import { existsSync, readdirSync } from "node:fs";
import { machine } from "node:os";
import { join } from "node:path";
import { cpuCount, hardLimit, kernel, type LimitName, memory, ownCapabilities } from "../linux/index.ts";
import { appArmorUsable } from "./apparmor.ts";
import type { Cgroups } from "./cgroups/contract.ts";
import { readText } from "./cgroups/files.ts";
import type { HostFacts } from "./contract.ts";
import { unusableArchitectures } from "./foreign-architectures.ts";

/** What this host and this daemon can give to a container. Facts that do not change while the daemon runs. */
export function hostFacts(cgroups: Cgroups): HostFacts {
  const status = readText("/proc/self/status") ?? "";
  return {
    cgroupVersion: cgroups.version,
    machine: machine(),
    kernelVersion: kernel().version,
    unusableArchitectures: unusableArchitectures(machine()),
    capabilities: ownCapabilities(),
    appArmor: appArmorUsable(),
    seccomp: /^Seccomp:/m.test(status),
    cpuCount: cpuCount(),
    memoryBytes: memory().totalBytes,
    hardLimits: hardLimits(),
    limits: cgroups.limits,
    thermalThrottlePaths: thermalThrottlePaths(),
  };
}

/** Limits whose ceiling a container cannot be lifted above, by their ulimit names. */
const LIMIT_NAMES: readonly LimitName[] = [
  "cpu",
  "fsize",
  "data",
  "stack",
  "core",
  "rss",
  "nproc",
  "nofile",
  "memlock",
  "locks",
  "sigpending",
  "msgqueue",
  "nice",
  "rtprio",
  "rttime",
];

function hardLimits(): ReadonlyMap<string, number> {
  return new Map(LIMIT_NAMES.map((name) => [name, hardLimit(name).hard]));
}

function thermalThrottlePaths(): string[] {
  const cpus = "/sys/devices/system/cpu";
  try {
    return readdirSync(cpus)
      .filter((name) => /^cpu\d+$/.test(name))
      .sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
      .map((name) => join(cpus, name, "thermal_throttle"))
      .filter((path) => existsSync(path));
  } catch {
    return [];
  }
}
