import { AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_NOFOLLOW, O_PATH, SYS_fchmodat2 } from "../constants.ts";
import { ENOSYS, ENOTSUP, isErrno, LinuxError } from "../errors.ts";
import { check, libc, rawSyscall, showPath } from "../libc.ts";
import { cString, type Path } from "../paths.ts";
import { closeDescriptor, descriptorPath } from "./descriptors.ts";
import { statDescriptor } from "./file-stat.ts";

const fchmodat2 = rawSyscall(["i32", "ptr", "u32", "u32"]);

/** Sets an entry's permission bits, never those of what a link leads to. @throws LinuxError ENOTSUP for a link. */
export function chmodEntry(directory: number, entry: Uint8Array, mode: number, shown: Path): void {
  try {
    check("fchmodat2", fchmodat2(SYS_fchmodat2, directory, entry, mode, AT_SYMLINK_NOFOLLOW), shown);
  } catch (error) {
    if (!isErrno(error, ENOSYS)) throw error;
    chmodThroughHandle(directory, entry, mode, shown);
  }
}

/** Before Linux 6.6, whose `fchmodat` follows links: the entry is held first, then changed by its magic link. */
export function chmodThroughHandle(directory: number, entry: Uint8Array, mode: number, shown: Path): void {
  const handle = check("openat", libc.openat(directory, entry, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), shown);
  try {
    if (statDescriptor(handle).kind === "symlink") throw new LinuxError("chmod", ENOTSUP, showPath(shown));
    check("chmod", libc.chmod(cString(descriptorPath(handle)), mode), shown);
  } finally {
    closeDescriptor(handle);
  }
}
