import { readText } from "./cgroups/files.ts";
import { findProgram } from "./programs.ts";

/** Where the second version of control groups is on hosts that have both. */
const UNIFIED = "/sys/fs/cgroup/unified";

/**
 * crun works with either version of control groups, and refuses hosts that have controllers in both. Where those of the second
 * version are hidden from it, it works with the first: in a mount namespace of its own, which ends with the command, and of which
 * nothing comes back to the host. Mounts of the host keep their propagation, so that a container's shared mounts stay shared.
 */
const HIDE_UNIFIED = `mount --make-private /sys/fs/cgroup && umount -l ${UNIFIED} && exec "$0" "$@"`;

/**
 * What a command is to begin with, so that crun sees control groups of one version only; nothing where that is so without it.
 * `undefined` where the programs for it are missing.
 */
export function withoutUnifiedCgroups(): readonly string[] | undefined {
  if (!readText(`${UNIFIED}/cgroup.controllers`)) return [];
  const unshare = findProgram("unshare");
  const shell = quickShell();
  if (unshare === undefined || shell === undefined) return undefined;
  return [unshare, "--mount", "--propagation", "unchanged", ...shell, "-c", HIDE_UNIFIED];
}

/** busybox's has `mount` and `umount` built in, which saves two processes. */
function quickShell(): string[] | undefined {
  const busybox = findProgram("busybox");
  if (busybox !== undefined) return [busybox, "sh"];
  const shell = findProgram("sh");
  return shell === undefined ? undefined : [shell];
}
