import { invalidParameter } from "../../lib/index.ts";
import type { HostConfig } from "../../wire/index.ts";
import type { SpecInput, SpecMount } from "../contract.ts";
import type { OciMount } from "./oci.ts";
import { parseSecurityOptions } from "./security-options.ts";

/** Docker's size of /dev/shm where nobody says another. */
export const DEFAULT_SHM_SIZE_BYTES = 64 << 20;
/** Where `--init` puts its program. */
export const INIT_IN_CONTAINER = "/sbin/docker-init";

const NO_FILES_OF_POWER = ["nosuid", "noexec", "nodev"];

/** The file systems that every container has of its own, in the order in which they must be mounted. */
function defaultMounts(shmSizeBytes: number): OciMount[] {
  const own = (destination: string, type: string, options: string[], source = type): OciMount => ({
    destination,
    type,
    source,
    options,
  });
  return [
    own("/proc", "proc", [...NO_FILES_OF_POWER]),
    own("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    own("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    own("/sys", "sysfs", [...NO_FILES_OF_POWER, "ro"]),
    own("/sys/fs/cgroup", "cgroup", ["ro", ...NO_FILES_OF_POWER]),
    own("/dev/mqueue", "mqueue", [...NO_FILES_OF_POWER]),
    own("/dev/shm", "tmpfs", [...NO_FILES_OF_POWER, "mode=1777", `size=${shmSizeBytes}`], "shm"),
  ];
}

/**
 * Default mounts (those that a mount of the user's takes the place of left out), then the user's from the outermost
 * inwards, so that none covers one below it.
 * @throws InvalidParameter for a mount onto the root itself, or two onto one place
 */
export function resolveMounts(input: SpecInput): OciMount[] {
  const { host } = input;
  const wanted = [...input.mounts].sort((a, b) => depth(a.destination) - depth(b.destination));
  const taken = new Set<string>();
  for (const { destination } of wanted) {
    checkDestination(destination);
    if (taken.has(destination)) throw invalidParameter(`Duplicate mount point: ${destination}`);
    taken.add(destination);
  }
  const ownDefaults = defaultMounts(host.ShmSize || input.defaultShmSizeBytes || DEFAULT_SHM_SIZE_BYTES)
    .filter((mount) => !taken.has(mount.destination))
    .filter((mount) => !(taken.has("/dev") && mount.destination.startsWith("/dev/")))
    .flatMap((mount) => (mount.destination === "/dev/shm" ? sharedMemory(mount, input) : [mount]))
    .map((mount) => adapted(mount, input));
  return [...ownDefaults, ...initMount(input), ...wanted.map(userMount)];
}

/** `--ipc none` has no /dev/shm, `--ipc host` has the host's. */
function sharedMemory(mount: OciMount, { host, namespaces }: SpecInput): OciMount[] {
  if (host.IpcMode === "none") return [];
  if (namespaces.ipc !== "host") return [mount];
  return [
    { destination: mount.destination, type: "bind", source: "/dev/shm", options: ["rbind", "rprivate"] },
  ];
}

const WRITABLE_BESIDE_A_READONLY_ROOT: ReadonlySet<string> = new Set([
  "/proc",
  "/dev",
  "/dev/pts",
  "/dev/shm",
  "/dev/mqueue",
]);

function adapted(mount: OciMount, input: SpecInput): OciMount {
  const options = new Set(mount.options);
  if (input.readonlyRootfs && !WRITABLE_BESIDE_A_READONLY_ROOT.has(mount.destination)) options.add("ro");
  if (mount.destination === "/sys" && input.host.Privileged) options.delete("ro");
  if (mount.type === "cgroup" && writableCgroups(input.host)) options.delete("ro");
  return { ...mount, options: [...options] };
}

function writableCgroups(host: HostConfig): boolean {
  return parseSecurityOptions(host.SecurityOpt).writableCgroups ?? host.Privileged === true;
}

function initMount({ initPath }: SpecInput): OciMount[] {
  if (initPath === undefined) return [];
  return [{ destination: INIT_IN_CONTAINER, type: "bind", source: initPath, options: ["bind", "ro"] }];
}

function userMount(mount: SpecMount): OciMount {
  return {
    destination: mount.destination,
    type: mount.type,
    source: mount.source ?? mount.type,
    options: [...mount.options],
  };
}

/** A destination comes cleaned: what is not, somebody could have smuggled in. */
function checkDestination(destination: string): void {
  const shown = JSON.stringify(destination);
  if (destination === "/") {
    throw invalidParameter("invalid specification: destination can't be '/'");
  }
  const segments = destination.split("/").slice(1);
  if (!destination.startsWith("/") || segments.some((name) => name === "" || name === "." || name === "..")) {
    throw invalidParameter(`invalid mount path: ${shown} mount path must be absolute`);
  }
}

function depth(path: string): number {
  return path.split("/").length;
}

/**
 * How mounts of the root travel: a shared or slave mount inside needs a root that passes events on (runc makes
 * the root private otherwise, and the mount in it).
 */
export function rootPropagation(mounts: readonly SpecMount[]): string | undefined {
  const has = (...names: string[]) => mounts.some((mount) => mount.options.some((o) => names.includes(o)));
  if (has("shared", "rshared")) return "shared";
  return has("slave", "rslave") ? "rslave" : undefined;
}
