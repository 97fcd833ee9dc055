import type { Cgroups } from "./cgroups/contract.ts";
import { hostCgroups } from "./cgroups/host.ts";
import type { CgroupLimits, HostReport } from "./contract.ts";
import { hostFacts } from "./host-facts.ts";
import { CLEAN_ENVIRONMENT, findProgram } from "./programs.ts";

/** Looks at what this host has for running containers, for `info`, `version` and the daemon's first log lines. */
export async function checkHost(cgroups: Cgroups = hostCgroups()): Promise<HostReport> {
  const facts = hostFacts(cgroups);
  const [runcVersion, crunVersion, monitorVersion, initVersion] = await Promise.all([
    versionOf(["runc"]),
    versionOf(["crun"]),
    versionOf(["conmon"]),
    versionOf(["tini-static", "docker-init", "tini"]),
  ]);
  return {
    cgroupVersion: cgroups.version,
    cgroupDriver: "cgroupfs",
    limits: cgroups.limits,
    securityOptions: [
      ...(facts.appArmor ? ["name=apparmor"] : []),
      ...(facts.seccomp ? ["name=seccomp,profile=builtin"] : []),
      ...(cgroups.version === 2 ? ["name=cgroupns"] : []),
    ],
    runcVersion,
    crunVersion,
    monitorVersion,
    initVersion,
    warnings: [
      ...((runcVersion ?? crunVersion) ? [] : ["WARNING: runc is not installed"]),
      ...(monitorVersion === undefined ? ["WARNING: conmon is not installed"] : []),
      ...limitWarnings(cgroups.limits, cgroups.version),
    ],
  };
}

/** `runc version 1.1.5+ds1`, `conmon version 2.1.6`, `tini version 0.19.0`. */
async function versionOf(names: readonly string[]): Promise<string | undefined> {
  const path = findProgram(...names);
  if (path === undefined) return undefined;
  const child = Bun.spawn([path, "--version"], {
    cwd: "/",
    env: CLEAN_ENVIRONMENT,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 10_000,
  });
  return /version:? (\S+)/.exec(await child.stdout.text())?.[1];
}

/** Docker's sentences. */
function limitWarnings(limits: CgroupLimits, version: 1 | 2): string[] {
  const lacks: [boolean, string][] = [
    [limits.memory, "No memory limit support"],
    [limits.swap, "No swap limit support"],
    [limits.cpuCfs, "No cpu cfs quota support"],
    [limits.cpuCfs, "No cpu cfs period support"],
    [limits.cpuShares, "No cpu shares support"],
    [limits.cpuset, "No cpuset support"],
    [version === 2 || limits.oomKillDisable, "No oom kill disable support"],
    [limits.blkioThrottle, "No blkio throttle.read_bps_device support"],
    [limits.blkioThrottle, "No blkio throttle.write_bps_device support"],
    [limits.blkioThrottle, "No blkio throttle.read_iops_device support"],
    [limits.blkioThrottle, "No blkio throttle.write_iops_device support"],
  ];
  return lacks.filter(([has]) => !has).map(([, sentence]) => `WARNING: ${sentence}`);
}
