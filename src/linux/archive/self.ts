import { descriptorPath } from "../files/descriptors.ts";
import type { Ownership } from "../files/dir-handle.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "../files/xattrs.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";

/**
 * What is done to an open directory itself, where a tree's top has no name to be reached by. `/proc/self/fd/N/.`
 * leads to it and is followed by the calls that do not follow links.
 */
const selfPath = (fd: number) => cString(`${descriptorPath(fd)}/.`);

export function listOwnXattrs(fd: number): string[] {
  return listXattrs(selfPath(fd), "/");
}

export function getOwnXattr(fd: number, attribute: string): Uint8Array | undefined {
  return getXattr(selfPath(fd), attribute, "/");
}

export function setOwnXattr(fd: number, attribute: string, value: Uint8Array): void {
  setXattr(selfPath(fd), attribute, value, "/");
}

export function removeOwnXattr(fd: number, attribute: string): void {
  removeXattr(selfPath(fd), attribute, "/");
}

/** Owner first, then the mode, because changing the owner clears bits of the mode. */
export function setOwnOwnerAndMode(fd: number, { uid, gid }: Ownership, mode: number): void {
  check("fchownat", libc.fchownat(-1, selfPath(fd), uid >>> 0, gid >>> 0, 0), "/");
  check("chmod", libc.chmod(selfPath(fd), mode), "/");
}

const timespec = new BigInt64Array(4);
const timespecBytes = new Uint8Array(timespec.buffer);
const BILLION = 1_000_000_000n;

export function setOwnTimes(fd: number, atimeNs: bigint, mtimeNs: bigint): void {
  for (const [at, ns] of [[0, atimeNs] as const, [2, mtimeNs] as const]) {
    const part = ((ns % BILLION) + BILLION) % BILLION;
    timespec[at] = (ns - part) / BILLION;
    timespec[at + 1] = part;
  }
  check("utimensat", libc.utimensat(-1, selfPath(fd), timespecBytes, 0), "/");
}
