import { dlopen, type FFIFunction, FFIType, type FFITypeOrString, type Pointer, read } from "bun:ffi";
import { LinuxError } from "./errors.ts";

/** glibc by the name that every glibc has had since 1997, else musl by its own. */
const LIBRARIES = [
  "libc.so.6",
  "libc.so",
  `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`,
];

function openLibc<Symbols extends Record<string, FFIFunction>>(symbols: Symbols) {
  let failure: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, symbols).symbols;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/**
 * The C library. Every function returns −1 and sets errno on failure: callers go through `check`. A path is a
 * NUL-terminated buffer made by `cString`; a buffer is kept alive for the call that it is handed to. Lengths come back
 * in 32 bits, as no buffer here reaches 2 GiB.
 */
export const libc = openLibc({
  // files
  open: { args: ["ptr", "i32", "u32"], returns: "i32" },
  openat: { args: ["i32", "ptr", "i32", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  statx: { args: ["i32", "ptr", "i32", "u32", "ptr"], returns: "i32" },
  mkdirat: { args: ["i32", "ptr", "u32"], returns: "i32" },
  mknodat: { args: ["i32", "ptr", "u32", "u64"], returns: "i32" },
  symlinkat: { args: ["ptr", "i32", "ptr"], returns: "i32" },
  linkat: { args: ["i32", "ptr", "i32", "ptr", "i32"], returns: "i32" },
  unlinkat: { args: ["i32", "ptr", "i32"], returns: "i32" },
  fchownat: { args: ["i32", "ptr", "u32", "u32", "i32"], returns: "i32" },
  chmod: { args: ["ptr", "u32"], returns: "i32" },
  utimensat: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  readlinkat: { args: ["i32", "ptr", "ptr", "u64"], returns: "i32" },
  lgetxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i32" },
  lsetxattr: { args: ["ptr", "ptr", "ptr", "u64", "i32"], returns: "i32" },
  llistxattr: { args: ["ptr", "ptr", "u64"], returns: "i32" },
  lremovexattr: { args: ["ptr", "ptr"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  umask: { args: ["u32"], returns: "u32" },
  // mounts and namespaces
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  umount2: { args: ["ptr", "i32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  unshare: { args: ["i32"], returns: "i32" },
  // processes
  kill: { args: ["i32", "i32"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  // sockets
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  // terminals
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
  // watching
  epoll_create1: { args: ["i32"], returns: "i32" },
  epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  inotify_init1: { args: ["i32"], returns: "i32" },
  inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
  inotify_rm_watch: { args: ["i32", "i32"], returns: "i32" },
} as const);

/** Where this thread keeps its errno: constant for a thread's life, so reading it is no call that could change it. */
const errnoAt = openLibc({
  __errno_location: { args: [], returns: "ptr" },
} as const).__errno_location() as Pointer;

/** The last failed call's error number; read it before anything else is called. */
export function errno(): number {
  return read.i32(errnoAt, 0);
}

/** An argument of a system call: a number, or a buffer whose address is passed. */
type SyscallArgument = number | bigint | Uint8Array | null;

/**
 * `syscall(2)` with the arguments that one system call takes, for those that C libraries do not wrap. The result is a
 * number as long as it is below 2^53, which holds for all that are used here, file positions included.
 */
export function rawSyscall(args: readonly FFITypeOrString[]) {
  const { syscall } = openLibc({ syscall: { args: ["i64", ...args], returns: FFIType.i64_fast } });
  return syscall as unknown as (number: number, ...rest: SyscallArgument[]) => number;
}

/**
 * The result of a call, or the error that it left behind.
 * @param subject Named in the error: a path, a link.
 */
export function check(syscall: string, result: number, subject?: string | Uint8Array): number {
  if (result >= 0) return result;
  throw new LinuxError(syscall, errno(), subject === undefined ? undefined : showPath(subject));
}

/** A path for an error's text: one line, bounded, whatever a container called its file. */
export function showPath(path: string | Uint8Array): string {
  const text = typeof path === "string" ? path : Buffer.from(path).toString();
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return /[\0-\x1f\x7f\ud800-\udfff]/.test(shown) ? JSON.stringify(shown) : shown;
}
