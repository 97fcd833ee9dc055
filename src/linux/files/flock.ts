import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDWR } from "../constants.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";
import { OwnedDescriptor } from "./descriptors.ts";

/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Takes a lock that the kernel gives back when this process ends, however it ends. The file is made where it is missing,
 * and stays. Dispose to give it back before.
 * @throws LinuxError EAGAIN (which is EWOULDBLOCK) where another holds it; this never waits.
 */
export function flock(path: string): Disposable {
  const flags = O_RDWR | O_CREAT | O_CLOEXEC;
  const file = new OwnedDescriptor(check("open", libc.openat(AT_FDCWD, cString(path), flags, 0o600), path));
  try {
    check("flock", libc.flock(file.fd, LOCK_EX | LOCK_NB), path);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}
