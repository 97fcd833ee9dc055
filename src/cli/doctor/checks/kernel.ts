import { isOlder } from "../../../lib/index.ts";
import { fileSystemOf, modulesAreGone } from "../features.ts";
import { type Check, fail, ok, skip, warn } from "../finding.ts";
import { kernelRelease, readNumber } from "../host.ts";

/** openat2(2), which every path inside a container goes through. */
const OLDEST = [5, 6];
/** EROFS mounts files without a loop device. */
const WITH_EROFS = [6, 12];

const version: Check = (host) => {
  const release = kernelRelease(host);
  if (release === "") return skip("kernel.version", "/proc does not tell the kernel's version");
  if (!isOlder(release, OLDEST)) return ok("kernel.version", `Linux ${release}`);
  return fail(
    "kernel.version",
    `Linux ${release} is too old: 5.6 is the oldest`,
    "paths inside containers are opened by openat2, which keeps them in",
    "# update the system, then: reboot",
  );
};

const modules: Check = (host) => {
  if (!modulesAreGone(host)) return undefined;
  return fail(
    "kernel.modules",
    `the modules of the running kernel (${kernelRelease(host)}) are gone from /lib/modules`,
    "the kernel was updated since it was started, and what is not loaded yet cannot be loaded any more",
    "reboot",
  );
};

const NAMESPACES = {
  mnt: "CONFIG_NAMESPACES",
  pid: "CONFIG_PID_NS",
  net: "CONFIG_NET_NS",
  ipc: "CONFIG_IPC_NS",
};

const namespaces: Check = (host) => {
  const there = host.list("/proc/self/ns");
  if (there.length === 0) return skip("kernel.namespaces", "/proc does not tell the kernel's namespaces");
  const needed = { ...NAMESPACES, uts: "CONFIG_UTS_NS" };
  const missing = Object.entries(needed).filter(([name]) => !there.includes(name));
  if (missing.length > 0) {
    const options = missing.map(([, option]) => option).join(", ");
    return fail(
      "kernel.namespaces",
      `this kernel has no namespaces of ${missing.map(([name]) => name).join(", ")}`,
      "containers are made of them",
      `# use a kernel with ${options}`,
    );
  }
  if (there.includes("cgroup"))
    return ok("kernel.namespaces", `namespaces: ${there.filter((n) => !n.includes("_")).join(", ")}`);
  return warn(
    "kernel.namespaces",
    "this kernel has no namespaces of cgroups",
    "containers see the host's cgroups",
    "# use a kernel with CONFIG_CGROUPS and Linux 4.6 or later",
  );
};

const userNamespaces: Check = (host) => {
  const id = "kernel.user-namespaces";
  const limit = readNumber(host, "/proc/sys/user/max_user_namespaces");
  if (!host.list("/proc/self/ns").includes("user") || limit === undefined)
    return warn(
      id,
      "this kernel has no user namespaces",
      "programs that make some in containers fail, such as browsers' sandboxes",
      "# use a kernel with CONFIG_USER_NS",
    );
  if (limit > 0) return ok(id, "user namespaces");
  return warn(
    id,
    "user namespaces are switched off",
    "programs that make some in containers fail, such as browsers' sandboxes",
    "sysctl -w user.max_user_namespaces=15000",
  );
};

const overlay: Check = (host) => {
  const presence = fileSystemOf(host, "overlay");
  if (presence === "there") return ok("kernel.overlayfs", "overlayfs");
  if (presence === "loadable") return ok("kernel.overlayfs", "overlayfs, loaded when it is needed");
  return fail(
    "kernel.overlayfs",
    "this kernel has no overlayfs",
    "containers' file systems are layers that it joins",
    "modprobe overlay",
    "# or use a kernel with CONFIG_OVERLAY_FS",
  );
};

const erofs: Check = (host) => {
  const presence = fileSystemOf(host, "erofs");
  const release = kernelRelease(host);
  const why = "layers are unpacked to directories (storage driver overlay2): pulls and loads take longer";
  if (isOlder(release, WITH_EROFS))
    return warn(
      "kernel.erofs",
      `Linux ${release} does not mount layers from their files; 6.12 does`,
      why,
      "# nothing has to be done; a newer kernel is faster",
    );
  if (presence === "there") return ok("kernel.erofs", "EROFS");
  if (presence === "loadable") return ok("kernel.erofs", "EROFS, loaded when it is needed");
  return warn(
    "kernel.erofs",
    "this kernel has no EROFS",
    why,
    "modprobe erofs",
    "# or use a kernel with CONFIG_EROFS_FS and CONFIG_EROFS_FS_BACKED_BY_FILE",
  );
};

const seccomp: Check = (host) => {
  const actions = host.read("/proc/sys/kernel/seccomp/actions_avail");
  if (actions?.includes("errno")) return ok("kernel.seccomp", "seccomp");
  return fail(
    "kernel.seccomp",
    "this kernel does not filter system calls",
    "containers could use all of the kernel, with all of its mistakes",
    "# use a kernel with CONFIG_SECCOMP_FILTER",
  );
};

const appArmor: Check = (host) => {
  const id = "kernel.security-module";
  const isOn = host.read("/sys/module/apparmor/parameters/enabled")?.trim() === "Y";
  if (isOn && host.find("apparmor_parser") !== undefined) return ok(id, "AppArmor");
  if (isOn)
    return warn(
      id,
      "AppArmor is on, and apparmor_parser is not installed",
      "containers run without its profile",
      "apt-get install apparmor",
    );
  if (host.read("/sys/fs/selinux/enforce")?.trim() === "1")
    return warn(
      id,
      "SELinux is enforcing",
      "containers get no labels of their own: it may refuse what they do with the host's files",
      "# look at what it refuses with: ausearch -m avc -ts recent",
      "# to let it only write it down: setenforce 0",
    );
  return undefined;
};

export const KERNEL: readonly Check[] = [
  version,
  modules,
  namespaces,
  userNamespaces,
  overlay,
  erofs,
  seccomp,
  appArmor,
];
