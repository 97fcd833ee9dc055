import { ENOTSUP, isErrno, LinuxError } from "../errors.ts";
import { errno, rawSyscall } from "../libc.ts";

const fallocate = rawSyscall(["i32", "i32", "i64", "i64"]);
const SYS_fallocate = process.arch === "arm64" ? 47 : 285;
/** fallocate(2): the file keeps its size. */
const PUNCH_HOLE_KEEP_SIZE = 3;
const ENOSYS = 38;

/**
 * Gives the blocks of a part of an open file back to its file system; zeros are read there from then on.
 * @returns false where the file system cannot do that
 * @throws LinuxError
 */
export function punchHole(fd: number, offset: number, length: number): boolean {
  if (fallocate(SYS_fallocate, fd, PUNCH_HOLE_KEEP_SIZE, offset, length) >= 0) return true;
  const error = new LinuxError("fallocate", errno());
  if (isErrno(error, ENOTSUP, ENOSYS)) return false;
  throw error;
}
