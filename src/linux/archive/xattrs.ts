import { ENOTSUP, EPERM, isErrno } from "../errors.ts";
import type { DirHandle } from "../files/dir-handle.ts";
import { getOwnXattr, listOwnXattrs } from "./self.ts";

/**
 * Attributes that describe this host's stacking of directories or its policy, not the file: they are never put
 * into an archive, and never taken from one, where `trusted.overlay.redirect` or `…metacopy` would point a
 * stranger's file at other content of the layers below.
 */
const FOREIGN = [/^trusted\.overlay\./, /^user\.overlay\./, /^security\.(?:selinux|ima|evm)$/];

/** Whether an attribute belongs to the file and so travels with it. */
export function travels(attribute: string): boolean {
  return !FOREIGN.some((pattern) => pattern.test(attribute));
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/** Attributes of an entry that travel; of the directory itself where no name is given. */
export function readXattrs(directory: DirHandle, name: string | undefined): ReadonlyMap<string, Uint8Array> {
  const names = name === undefined ? listOwnXattrs(directory.fd) : directory.listXattrs(name);
  if (names.length === 0) return NONE;
  const xattrs = new Map<string, Uint8Array>();
  for (const attribute of names.filter(travels)) {
    const value =
      name === undefined ? getOwnXattr(directory.fd, attribute) : directory.getXattr(name, attribute);
    if (value !== undefined) xattrs.set(attribute, value);
  }
  return xattrs;
}

/**
 * Sets those attributes that travel. What the file system does not have, or this process may not set, is left
 * out, as by Docker.
 */
export function applyXattrs(
  xattrs: ReadonlyMap<string, Uint8Array>,
  set: (attribute: string, value: Uint8Array) => void,
): void {
  for (const [attribute, value] of xattrs) {
    if (!travels(attribute)) continue;
    try {
      set(attribute, value);
    } catch (error) {
      if (!isErrno(error, ENOTSUP, EPERM)) throw error;
    }
  }
}
