import { existsSync, readFileSync } from "node:fs";
import { systemError } from "../lib/index.ts";
import { readText } from "./cgroups/files.ts";
import { CLEAN_ENVIRONMENT, findProgram } from "./programs.ts";
import { DEFAULT_APPARMOR_PROFILE } from "./spec/process.ts";

const LOADED = "/sys/kernel/security/apparmor/profiles";

/** Whether containers can be confined by AppArmor here: the kernel has it on, and the program that loads profiles is there. */
export function appArmorUsable(): boolean {
  return (
    existsSync("/sys/kernel/security/apparmor") &&
    readText("/sys/module/apparmor/parameters/enabled") === "Y" &&
    findProgram("apparmor_parser") !== undefined
  );
}

/**
 * Loads the default profile, if that is the one a process is to have, unless it is loaded. To be called before every start: package upgrades are known to unload
 * what they did not load.
 * @throws System with the parser's words
 */
export async function ensureAppArmorProfile(name: string | undefined): Promise<void> {
  if (name !== DEFAULT_APPARMOR_PROFILE || isLoaded(name)) return;
  const parser = findProgram("apparmor_parser");
  if (parser === undefined)
    throw systemError("AppArmor enabled on system but apparmor_parser is not installed");
  const child = Bun.spawn([parser, "--replace", "--quiet", "--skip-cache"], {
    cwd: "/",
    env: CLEAN_ENVIRONMENT,
    stdio: [Buffer.from(defaultAppArmorProfile(ownProfile())), "ignore", "pipe"],
    timeout: 30_000,
  });
  const [code, words] = await Promise.all([child.exited, child.stderr.text()]);
  if (code === 0) return;
  throw systemError(
    `AppArmor enabled on system but the ${DEFAULT_APPARMOR_PROFILE} profile could not be loaded: ${words.trim()}`,
  );
}

function isLoaded(name: string): boolean {
  try {
    return readFileSync(LOADED, "utf8").includes(`${name} (`);
  } catch {
    return false;
  }
}

/** The daemon's own profile, without its mode: `docker kill` signals come from there. */
function ownProfile(): string {
  const text = readText("/proc/self/attr/apparmor/current") ?? readText("/proc/self/attr/current") ?? "";
  return text.replace(/ \(\w+\)$/, "") || "unconfined";
}

/**
 * Everything that the capabilities and mounts already leave to a container, but what would reach the host through /proc and /sys even
 * if a mount over them were undone. In AppArmor's globs `[^k]**` is "all that does not begin with k".
 */
export function defaultAppArmorProfile(daemonProfile: string): string {
  const own = DEFAULT_APPARMOR_PROFILE;
  // Without, rules of later versions apply, in which `network` no longer means Unix sockets too.
  const abi = existsSync("/etc/apparmor.d/abi/3.0") ? "abi <abi/3.0>,\n" : "";
  return `${abi}include <tunables/global>

profile "${own}" flags=(attach_disconnected, mediate_deleted) {
  include <abstractions/base>

  file,
  capability,
  umount,
  network,
  # The kernel's cryptography, as in the system call filter.
  deny network alg,
  deny mount,

  # Those who may end a container, and its processes one another.
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (receive) peer="${daemonProfile.replace(/["\\]/g, "")}",
  signal (send, receive) peer="${own}",
  ptrace (read, readby, trace, tracedby) peer="${own}",

  # Of /proc a container may write its processes' own files and the shared memory limits of its IPC namespace.
  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9/],[^1-9/][^0-9/],[^1-9s/][^0-9y/][^0-9s/],[^1-9/][^0-9/][^0-9/][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/kcore rwklx,
  deny @{PROC}/sysrq-trigger rwklx,

  # Of /sys the cgroups.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
}
