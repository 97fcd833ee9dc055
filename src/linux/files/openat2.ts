import { O_CLOEXEC, O_CREAT, RESOLVE_NO_MAGICLINKS, SYS_openat2 } from "../constants.ts";
import { EAGAIN, EINTR, LinuxError } from "../errors.ts";
import { errno, rawSyscall, showPath } from "../libc.ts";
import type { Path } from "../paths.ts";

const openat2 = rawSyscall(["i32", "ptr", "ptr", "u64"]);

/** `struct open_how`: flags, mode, resolve. */
const how = new BigUint64Array(3);
const howBytes = new Uint8Array(how.buffer);

/** The kernel gives up with EAGAIN where a rename ran beside a `..`; an attacker may keep that up, we may not. */
const ATTEMPTS = 256;

/**
 * Opens relative to a directory, with the kernel holding the resolution to `resolve` (openat2(2)); magic links of
 * /proc are never followed. The descriptor is close-on-exec.
 * @throws LinuxError EAGAIN where renames kept running alongside, EXDEV or ELOOP where a rule stopped the resolution.
 */
export function openAt2(
  directory: number,
  path: Uint8Array,
  flags: number,
  resolve: number,
  shown: Path,
  mode = 0,
): number {
  how[0] = BigInt(flags | O_CLOEXEC);
  how[1] = (flags & O_CREAT) === 0 ? 0n : BigInt(mode);
  how[2] = BigInt(resolve | RESOLVE_NO_MAGICLINKS);
  for (let attempt = 1; ; attempt++) {
    const fd = openat2(SYS_openat2, directory, path, howBytes, 24);
    if (fd >= 0) return fd;
    const number = errno();
    const again = number === EAGAIN || number === EINTR;
    if (!again || attempt === ATTEMPTS) throw new LinuxError("openat2", number, showPath(shown));
  }
}
