import { constants } from "node:os";

/** Names of this platform's error numbers: 2 → `ENOENT`. Where two names share one number (EAGAIN and EWOULDBLOCK), the first. */
const NAMES = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) {
  if (!NAMES.has(number)) NAMES.set(number, name);
}

/** The error numbers that this room's code decides on. */
export const {
  EAGAIN,
  EBUSY,
  EEXIST,
  EINTR,
  EIO,
  EINVAL,
  EISDIR,
  ENODEV,
  ELOOP,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  ENOTEMPTY,
  ESRCH,
  ESTALE,
  EPERM,
  EPIPE,
  EXDEV,
  ERANGE,
} = constants.errno;
/** `node:os` does not name these (asm-generic/errno.h). */
export const ENOTSUP = 95;
export const ENODATA = 61;

/** A system call that the kernel refused. */
export class LinuxError extends Error {
  readonly errno: number;
  /** `ENOENT`, `EPERM`, … as `node:fs` has it on its own errors. */
  readonly code: string;
  /** Name of the call: `openat2`, `mount`, `RTM_NEWLINK`, … */
  readonly syscall: string;

  /** @param subject What the call was about: a path, a link's name, or the kernel's own explanation. */
  constructor(syscall: string, errno: number, subject?: string) {
    const code = errorName(errno);
    super(subject === undefined ? `${syscall}: ${code}` : `${syscall} ${subject}: ${code}`);
    this.name = "LinuxError";
    this.errno = errno;
    this.code = code;
    this.syscall = syscall;
  }
}

/** `ENOENT` for 2; `errno 4711` where the number has no name. */
export function errorName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** Whether a thrown value is a system call's error with one of these numbers. */
export function isErrno(error: unknown, ...numbers: number[]): error is LinuxError {
  return error instanceof LinuxError && numbers.includes(error.errno);
}
