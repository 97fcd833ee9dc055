import { copyFileSync } from "node:fs";
import { EINVAL } from "../errors.ts";
import { check, errno, libc } from "../libc.ts";
import { cString } from "../paths.ts";
import { OwnedDescriptor } from "./descriptors.ts";

/** linux/memfd.h. Kernels before 6.3 don't know MFD_EXEC: there every memfd can be executed. */
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;
/** linux/fcntl.h */
const F_ADD_SEALS = 1033;
/** Nothing of it changes any more: its content, its size, nor that it is so. */
const F_SEAL_ALL = 0x1 | 0x2 | 0x4 | 0x8;

/** A program in memory that nobody, root included, can write to. It lasts until it is disposed or this process ends. */
export interface SealedCopy extends Disposable {
  /** Under which others may execute it: a path into this process's own descriptors. */
  readonly path: string;
}

/**
 * Copies a program into a sealed memfd.
 * @throws LinuxError or the error of reading the file
 */
export function sealedCopy(program: string): SealedCopy {
  const file = new OwnedDescriptor(createMemory(program));
  try {
    const path = `/proc/${process.pid}/fd/${file.fd}`;
    copyFileSync(program, path);
    check("fcntl", libc.fcntl(file.fd, F_ADD_SEALS, F_SEAL_ALL), program);
    return { path, [Symbol.dispose]: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

function createMemory(program: string): number {
  const name = cString(program.slice(-200));
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = libc.memfd_create(name, flags | MFD_EXEC);
  if (fd >= 0 || errno() !== EINVAL) return check("memfd_create", fd, program);
  return check("memfd_create", libc.memfd_create(name, flags), program);
}
