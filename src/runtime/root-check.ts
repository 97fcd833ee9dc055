import { lstatSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { openRoot, resolveInRoot } from "../linux/index.ts";
import { runtimeFailure } from "./failures.ts";
import type { OciSpec } from "./spec/oci.ts";

/**
 * Refuses a root file system in which `/dev`, `/proc` or `/sys` is anything but a directory (or is missing).
 *
 * The runtime makes device nodes and links below `<root>/dev` while it still stands in the host's file system, and releases
 * before 1.2.8 follow a link there: an image whose /dev leads to a directory of the host gets files made in it, as root
 * (of the family of CVE-2025-52881). With /proc or /sys elsewhere, its security labels and masks would be too (CVE-2019-16884).
 * Nobody but a running container changes its root, and this one does not run.
 * @throws RuntimeError in the runtime's words
 */
export function assertOrdinaryRoot(spec: OciSpec): void {
  for (const { destination, type } of spec.mounts) {
    if (!["/dev", "/proc", "/sys"].includes(destination) || type === "bind") continue;
    const status = lstatSync(join(spec.root.path, destination), { throwIfNoEntry: false });
    if (status === undefined || status.isDirectory()) continue;
    throw runtimeFailure("create", `filesystem "${destination}" must be mounted on ordinary directory`);
  }
}

/**
 * Refuses mounts over what the kernel shows in /proc, as runc does (libcontainer/rootfs_linux.go, checkProcMount): with files of
 * somebody else's there, what the runtime writes into /proc to confine the process would not reach the kernel (CVE-2019-16884).
 * An image may have links in the way, so what counts is where a destination leads.
 * @throws RuntimeError in runc's words
 */
export function assertNothingOverProc(spec: OciSpec): void {
  using root = openRoot(spec.root.path);
  for (const { destination, type, source = "" } of spec.mounts) {
    if (type === "proc") continue;
    const place = resolveInRoot(root, destination);
    if (place === "/proc" ? isProc(source) : !place.startsWith("/proc/") || MAY_BE_COVERED.has(place))
      continue;
    const why = place === "/proc" ? "it is not of type proc" : "it is inside /proc";
    throw runtimeFailure("create", `error mounting "${source}": "${place}" cannot be mounted because ${why}`);
  }
}

/** What tools like lxcfs replace, to tell a container of its own limits. */
const MAY_BE_COVERED: ReadonlySet<string> = new Set([
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/slabinfo",
  "/proc/net/dev",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/crypto/fips_enabled",
]);

/** statfs(2)'s number for procfs. */
const PROC_SUPER_MAGIC = 0x9fa0;

function isProc(path: string): boolean {
  return path.startsWith("/") && statfsSync(path).type === PROC_SUPER_MAGIC;
}
