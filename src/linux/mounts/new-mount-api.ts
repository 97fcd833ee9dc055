/** The mount calls of Linux 5.2 and later: a file system is configured step by step and mounted when it is complete. */
import { readSync } from "node:fs";
import {
  AT_FDCWD,
  AT_RECURSIVE,
  SYS_fsconfig,
  SYS_fsmount,
  SYS_fsopen,
  SYS_mount_setattr,
  SYS_move_mount,
} from "../constants.ts";
import { EINVAL, ENOSYS, isErrno, LinuxError } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { check, errno, rawSyscall } from "../libc.ts";
import { cString } from "../paths.ts";

const fsopen = rawSyscall(["ptr", "u32"]);
const fsconfig = rawSyscall(["i32", "u32", "ptr", "ptr", "i32"]);
const fsmount = rawSyscall(["i32", "u32", "u32"]);
const moveMount = rawSyscall(["i32", "ptr", "i32", "ptr", "u32"]);
const mountSetattr = rawSyscall(["i32", "ptr", "u32", "ptr", "u64"]);

// linux/mount.h
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

/** Attributes of a mount made by `fsmount`. */
export const MOUNT_ATTR = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

/** One setting of a file system: a name alone is a flag. */
export type FsSetting = readonly [key: string, value?: string];

/**
 * Makes a mount that is attached nowhere yet. It lives as long as its descriptor, which is a directory to be worked in
 * as any other, or until it is attached by `attachMount`.
 * @throws LinuxError with the file system's own explanation where it gives one.
 */
export function detachedMount(type: string, settings: readonly FsSetting[], attributes = 0): number {
  const context = check("fsopen", fsopen(SYS_fsopen, cString(type), FSOPEN_CLOEXEC), type);
  try {
    for (const [key, value] of settings) configure(context, type, key, value);
    checkContext(context, type, fsconfig(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, null, null, 0));
    return checkContext(context, type, fsmount(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
  } finally {
    closeDescriptor(context);
  }
}

function configure(context: number, type: string, key: string, value: string | undefined): void {
  const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  const bytes = value === undefined ? null : cString(value);
  checkContext(context, `${type} ${key}`, fsconfig(SYS_fsconfig, context, command, cString(key), bytes, 0));
}

/** Failures leave lines such as `e overlay: …` to be read from the context. */
function checkContext(context: number, subject: string, result: number): number {
  if (result >= 0) return result;
  const number = errno();
  const explanation = readLog(context);
  throw new LinuxError("fsconfig", number, explanation === "" ? subject : `${subject} (${explanation})`);
}

function readLog(context: number): string {
  const line = Buffer.alloc(1024);
  const lines: string[] = [];
  try {
    while (lines.length < 16) lines.push(line.toString("utf8", 0, readSync(context, line)).trim());
  } catch {
    // ENODATA: that was the last line.
  }
  return lines.join("; ");
}

/** Puts a detached mount to a place. The descriptor stays open and stays the caller's. */
export function attachMount(mountFd: number, target: string): void {
  const empty = cString("");
  const result = moveMount(
    SYS_move_mount,
    mountFd,
    empty,
    AT_FDCWD,
    cString(target),
    MOVE_MOUNT_F_EMPTY_PATH,
  );
  check("move_mount", result, target);
}

/** `struct mount_attr`: attr_set, attr_clr, propagation, userns_fd. */
const READ_ONLY = new Uint8Array(new BigUint64Array([BigInt(MOUNT_ATTR.RDONLY), 0n, 0n, 0n]).buffer);

/**
 * Makes a mount read-only, and all below it if `recursive`; its other attributes stay.
 * @returns false on kernels before 5.12, which cannot.
 */
export function setReadOnly(target: string, recursive: boolean): boolean {
  const flags = recursive ? AT_RECURSIVE : 0;
  const result = mountSetattr(
    SYS_mount_setattr,
    AT_FDCWD,
    cString(target),
    flags,
    READ_ONLY,
    READ_ONLY.length,
  );
  try {
    check("mount_setattr", result, target);
    return true;
  } catch (error) {
    if (isErrno(error, ENOSYS, EINVAL)) return false;
    throw error;
  }
}
