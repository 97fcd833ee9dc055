import { statfsSync } from "node:fs";
import { openRoot, resolveInRoot } from "../linux/index.ts";
import { runtimeFailure } from "./failures.ts";
import type { OciMount, OciSpec } from "./spec/oci.ts";

/**
 * A specification whose mounts lie where the links of the image lead, within its root, as runc takes them: other runtimes refuse
 * a link to something that is not there. Nobody but a running container changes its root, and this one does not run.
 *
 * Mounts over what the kernel shows in /proc are refused, as runc does (libcontainer/rootfs_linux.go, checkProcMount): with files
 * of somebody else's there, what a runtime writes into /proc to confine the process would not reach the kernel (CVE-2019-16884).
 * @throws RuntimeError in runc's words
 */
export function withResolvedMounts(spec: OciSpec): OciSpec {
  using root = openRoot(spec.root.path);
  const outermost = outermostPlaces(spec.mounts);
  const mounts = spec.mounts.map((mount) => {
    // What lies in another mount is looked up in that, by the runtime.
    if (!outermost.has(mount.destination)) return mount;
    const destination = resolveInRoot(root, mount.destination);
    return destination === mount.destination ? mount : { ...mount, destination };
  });
  for (const mount of mounts) assertNotOverProc(mount);
  return { ...spec, mounts };
}

function outermostPlaces(mounts: readonly OciMount[]): ReadonlySet<string> {
  const places = mounts.map((mount) => mount.destination);
  const isInner = (place: string) => places.some((other) => other !== "/" && place.startsWith(`${other}/`));
  return new Set(places.filter((place) => !isInner(place) || place.startsWith("/proc/")));
}

function assertNotOverProc({ destination, type, source = "" }: OciMount): void {
  const isProcItself = destination === "/proc";
  if (!isProcItself && (!destination.startsWith("/proc/") || MAY_BE_COVERED.has(destination))) return;
  if (isProcItself && (type === "proc" || isProc(source))) return;
  const why = isProcItself ? "it is not of type proc" : "it is inside /proc";
  throw runtimeFailure(
    "create",
    `error mounting "${source}": "${destination}" cannot be mounted because ${why}`,
  );
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
