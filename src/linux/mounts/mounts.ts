import {
  MNT_DETACH,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  UMOUNT_NOFOLLOW,
} from "../constants.ts";
import { EINVAL, ENOENT, isErrno } from "../errors.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";
import { PROPAGATION_FLAGS, type Propagation, splitMountOptions } from "./mount-flags.ts";
import { mountsBelow } from "./mount-info.ts";
import { setReadOnly } from "./new-mount-api.ts";

/** mount(2) as it is. `data` are the file system's own options. */
export function mount(source: string, target: string, type: string, flags: number, data = ""): void {
  const [from, to, kind, options] = [cString(source), cString(target), cString(type), cString(data)];
  check("mount", libc.mount(from, to, kind, flags, options), target);
}

export interface TmpfsOptions {
  readonly sizeBytes?: number;
  /** Permission bits of its root directory. */
  readonly mode?: number;
  /** More of mount(8)'s options; `nosuid,nodev,noexec` is what is set where none are given. */
  readonly options?: readonly string[];
}

/** Mounts a new, empty tmpfs. */
export function mountTmpfs(target: string, { sizeBytes, mode, options }: TmpfsOptions = {}): void {
  const { flags, data } = splitMountOptions(options ?? ["nosuid", "nodev", "noexec"]);
  if (sizeBytes !== undefined) data.push(`size=${sizeBytes}`);
  if (mode !== undefined) data.push(`mode=${mode.toString(8)}`);
  mount("tmpfs", target, "tmpfs", flags, data.join(","));
}

export interface BindOptions {
  /** With everything that is mounted below the source. */
  readonly recursive?: boolean;
  /** Also of what is mounted below, where the kernel can do that (5.12); else the bind itself only. */
  readonly readOnly?: boolean;
  readonly propagation?: Propagation;
}

/** Shows a file or directory at a second place. The undo is `unmount`. */
export function bindMount(source: string, target: string, options: BindOptions = {}): void {
  const recursive = options.recursive === true;
  mount(source, target, "", MS_BIND | (recursive ? MS_REC : 0));
  try {
    if (options.readOnly === true) makeReadOnly(target, recursive);
    if (options.propagation !== undefined) setMountPropagation(target, options.propagation);
  } catch (error) {
    unmount(target, { lazy: true });
    throw error;
  }
}

function makeReadOnly(target: string, recursive: boolean): void {
  if (setReadOnly(target, recursive)) return;
  mount("", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | keptFlags(target));
}

/** Before Linux 5.12 a remount sets all flags anew, so those that the mount has are given again. */
function keptFlags(target: string): number {
  const options = mountsBelow(target).findLast((one) => one.target === target)?.options ?? [];
  const { flags } = splitMountOptions(options);
  return flags & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

/** Changes how the mount at this path passes mounts on. */
export function setMountPropagation(target: string, propagation: Propagation): void {
  mount("", target, "", PROPAGATION_FLAGS[propagation]);
}

/**
 * Takes away the topmost mount at a path, which is not followed if it is a link. Nothing happens where nothing
 * is mounted or nothing is there. `lazy` detaches it at once, and the kernel lets go when its last user does.
 * @throws LinuxError EBUSY where it is in use and `lazy` is not asked for.
 */
export function unmount(target: string, { lazy = false }: { lazy?: boolean } = {}): void {
  const flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  try {
    check("umount2", libc.umount2(cString(target), flags), target);
  } catch (error) {
    if (!isErrno(error, ENOENT, EINVAL)) throw error;
  }
}

/** Lazily detaches whatever is mounted at a path and below it, the last first. @returns how many mounts there were. */
export function detachBelow(path: string): number {
  const mounts = mountsBelow(path);
  for (const { target } of mounts.toReversed()) unmount(target, { lazy: true });
  return mounts.length;
}
