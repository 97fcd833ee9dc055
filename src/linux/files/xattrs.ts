import { ENODATA, ENOTSUP, ERANGE, isErrno } from "../errors.ts";
import { check, libc } from "../libc.ts";
import { cString, type Path } from "../paths.ts";

/** XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h: no value and no list of names is larger. */
const LARGEST = 65_536;

const buffer = Buffer.allocUnsafeSlow(LARGEST);

/** Value of an extended attribute; undefined where it is not set. `file` is not followed if it is a link. */
export function getXattr(file: Uint8Array, name: string, shown: Path): Uint8Array | undefined {
  try {
    const length = check("lgetxattr", libc.lgetxattr(file, cString(name), buffer, LARGEST), shown);
    return Uint8Array.from(buffer.subarray(0, length));
  } catch (error) {
    if (isErrno(error, ENODATA, ENOTSUP)) return undefined;
    throw error;
  }
}

export function setXattr(file: Uint8Array, name: string, value: Uint8Array, shown: Path): void {
  const bytes = value.length === 0 ? EMPTY : value;
  check("lsetxattr", libc.lsetxattr(file, cString(name), bytes, value.length, 0), shown);
}

/** One byte that no call reads: an address is wanted even for a value of length 0. */
const EMPTY = new Uint8Array(1);

/** Names of all extended attributes; empty on file systems that have none. */
export function listXattrs(file: Uint8Array, shown: Path): string[] {
  try {
    const length = check("llistxattr", libc.llistxattr(file, buffer, LARGEST), shown);
    return buffer.toString("utf8", 0, length).split("\0").slice(0, -1);
  } catch (error) {
    if (isErrno(error, ENOTSUP, ERANGE)) return [];
    throw error;
  }
}

/** Nothing happens where the attribute is not set. */
export function removeXattr(file: Uint8Array, name: string, shown: Path): void {
  try {
    check("lremovexattr", libc.lremovexattr(file, cString(name)), shown);
  } catch (error) {
    if (!isErrno(error, ENODATA, ENOTSUP)) throw error;
  }
}
