import { O_CLOEXEC, O_DIRECTORY, O_RDWR } from "../constants.ts";
import { EINVAL, ENOTSUP, EPERM, EXDEV, isErrno, LinuxError } from "../errors.ts";
import { errno, libc, rawSyscall } from "../libc.ts";
import { cString } from "../paths.ts";
import { closeDescriptor } from "./descriptors.ts";

const ioctl = rawSyscall(["i32", "u64", "u64"]);
const SYS_ioctl = process.arch === "arm64" ? 29 : 16;
/** ioctl_ficlone(2) */
const FICLONE = 0x40049409;
/** Of file systems that know no such ioctl. */
const ENOTTY = 25;

/**
 * Makes the empty file `to` share all blocks of `from`, whatever their size, until one of the two is written to.
 * @returns false where the file system cannot do that, or the two are on different ones
 * @throws LinuxError
 */
export function shareBlocks(from: number, to: number): boolean {
  if (ioctl(SYS_ioctl, to, FICLONE, from) >= 0) return true;
  const error = new LinuxError("ioctl FICLONE", errno());
  if (isErrno(error, ENOTSUP, ENOTTY, EXDEV, EINVAL, EPERM)) return false;
  throw error;
}

const O_TMPFILE = 0o20000000;

/** Whether files of this directory's file system can share blocks: tried with two that have no name. */
export function sharesBlocks(directory: string): boolean {
  const path = cString(directory);
  const open = () => libc.open(path, O_TMPFILE | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o600);
  const [from, to] = [open(), open()];
  try {
    return from >= 0 && to >= 0 && shareBlocks(from, to);
  } finally {
    for (const fd of [from, to]) if (fd >= 0) closeDescriptor(fd);
  }
}
