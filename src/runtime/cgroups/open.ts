import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemError } from "../../lib/index.ts";
import type { CgroupHost, Cgroups } from "./contract.ts";
import { readText } from "./files.ts";
import { CgroupsV1 } from "./v1.ts";
import { CgroupsV2 } from "./v2.ts";

/**
 * The control groups of this host, whichever version it has.
 * @throws System where none are mounted
 */
export function openCgroups(host: CgroupHost = {}): Cgroups {
  const root = host.root ?? "/sys/fs/cgroup";
  const proc = host.proc ?? "/proc";
  if (existsSync(join(root, "cgroup.controllers"))) return new CgroupsV2(root, proc);
  const hierarchies = mountedHierarchies(readText(join(proc, "self/mountinfo")) ?? "", root);
  if (hierarchies.size === 0) throw systemError(`no control groups are mounted below ${root}`);
  return new CgroupsV1(hierarchies, proc);
}

/** Controller → mount point, from /proc/self/mountinfo (proc_pid_mountinfo(5)). */
function mountedHierarchies(mountInfo: string, root: string): Map<string, string> {
  const hierarchies = new Map<string, string>();
  for (const line of mountInfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const mountPoint = before.split(" ")[4];
    const [type, , options = ""] = after.split(" ");
    if (mountPoint === undefined || !mountPoint.startsWith(`${root}/`)) continue;
    if (type === "cgroup2") hierarchies.set("unified", mountPoint);
    if (type !== "cgroup") continue;
    for (const option of options.split(",")) {
      if (CONTROLLERS.has(option)) hierarchies.set(option, mountPoint);
      if (option === "name=systemd") hierarchies.set("systemd", mountPoint);
    }
  }
  return hierarchies;
}

const CONTROLLERS: ReadonlySet<string> = new Set([
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "pids",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "rdma",
  "misc",
]);
