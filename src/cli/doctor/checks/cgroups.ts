import { type Check, fail, ok, skip, warn } from "../finding.ts";
import type { Host } from "../host.ts";
import { mountsOf } from "../mounts.ts";

const ROOT = "/sys/fs/cgroup";
/** What limits are made of. */
const NEEDED = ["cpu", "cpuset", "io", "memory", "pids"];
/** The same in version 1. */
const NEEDED_1 = ["cpu", "cpuset", "blkio", "memory", "pids", "freezer", "devices"];
const TO_VERSION_2 = "systemd.unified_cgroup_hierarchy=1";
const WITH_MEMORY = [
  "# add cgroup_enable=memory swapaccount=1 to the kernel's command line (/etc/default/grub, or /boot/firmware/cmdline.txt), then: reboot",
];

const isVersion2 = (host: Host) =>
  mountsOf(host).some(({ point, type }) => point === ROOT && type === "cgroup2");

const layout: Check = (host) => {
  const mounts = mountsOf(host).filter(({ type }) => type.startsWith("cgroup"));
  if (mounts.length === 0) {
    return fail(
      "cgroups.layout",
      "no cgroups are mounted",
      "containers are counted, limited and ended by them",
      `mount -t cgroup2 none ${ROOT}`,
    );
  }
  if (isVersion2(host)) return ok("cgroups.layout", "cgroups of version 2");
  return warn(
    "cgroups.layout",
    "cgroups of version 1",
    "limits of memory and of disks are less exact, and containers share the host's view of cgroups",
    host.find("grubby") === undefined
      ? `# add ${TO_VERSION_2} to GRUB_CMDLINE_LINUX in /etc/default/grub, then: update-grub && reboot`
      : `grubby --update-kernel=ALL --args="${TO_VERSION_2}" && reboot`,
  );
};

const controllers: Check = (host) => {
  const id = "cgroups.controllers";
  const has = isVersion2(host) ? wordsOf(host, "cgroup.controllers") : enabledInVersion1(host);
  if (has.length === 0) return skip(id, "the kernel does not tell its controllers");
  const missing = (isVersion2(host) ? NEEDED : NEEDED_1).filter((name) => !has.includes(name));
  if (missing.length === 0) return ok(id, `controllers: ${has.join(", ")}`);
  const mend = missing.includes("memory")
    ? WITH_MEMORY
    : [`# use a kernel with the controllers ${missing.join(", ")}`];
  return warn(
    id,
    `controllers are missing: ${missing.join(", ")}`,
    "limits of theirs are refused, or not kept",
    ...mend,
  );
};

/** A container, or a service without `Delegate=`, may see all controllers and may use none. */
const delegation: Check = (host) => {
  const id = "cgroups.delegation";
  const mount = mountsOf(host).find(({ point }) => point === ROOT);
  if (mount?.options[0] === "ro" && mount.type === "cgroup2") {
    return fail(
      id,
      `${ROOT} is mounted read-only`,
      "the engine cannot make cgroups for containers",
      `mount -o remount,rw ${ROOT}`,
      "# in a container, start that one with --privileged and --cgroupns=private",
    );
  }
  if (!isVersion2(host)) return undefined;
  const given = wordsOf(host, "cgroup.subtree_control");
  const missing = NEEDED.filter(
    (name) => wordsOf(host, "cgroup.controllers").includes(name) && !given.includes(name),
  );
  // The host's own root hands down what it is told to; one that is not (only those have a type) not while it holds processes.
  const isInner = host.read(`${ROOT}/cgroup.type`) !== undefined;
  if (missing.length === 0 || !isInner) return ok(id, "controllers are handed down");
  return warn(
    id,
    `this machine is a container, and controllers are not handed down in it: ${missing.join(", ")}`,
    "limits of theirs are refused",
    `mkdir -p ${ROOT}/init && for pid in $(cat ${ROOT}/cgroup.procs); do echo $pid > ${ROOT}/init/cgroup.procs; done`,
    `echo "${missing.map((name) => `+${name}`).join(" ")}" > ${ROOT}/cgroup.subtree_control`,
  );
};

function wordsOf(host: Host, name: string): string[] {
  return (host.read(`${ROOT}/${name}`) ?? "").split(/\s+/).filter((word) => word !== "");
}

/** The table /proc/cgroups: name, hierarchy, how many, enabled; a hierarchy of 0 is mounted nowhere. */
function enabledInVersion1(host: Host): string[] {
  return (host.read("/proc/cgroups") ?? "").split("\n").flatMap((line) => {
    const [name = "", hierarchy, , enabled] = line.split(/\s+/);
    return name !== "" && !name.startsWith("#") && enabled === "1" && hierarchy !== "0" ? name : [];
  });
}

export const CGROUPS: readonly Check[] = [layout, controllers, delegation];
