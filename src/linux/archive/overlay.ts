import type { DirHandle } from "../files/dir-handle.ts";
import type { FileStat } from "../files/file-stat.ts";
import { getOwnXattr, setOwnXattr } from "./self.ts";

/**
 * How a removed name is told: by OCI layers as an empty file `.wh.<name>` (image-spec, layer.md), by overlayfs
 * as a character device 0:0 (kernel, filesystems/overlayfs.rst). A directory that hides all below it has
 * `.wh..wh..opq` inside in a layer, and an attribute in overlayfs.
 */
export const WHITEOUT_PREFIX = ".wh.";
export const OPAQUE_MARK = ".wh..wh..opq";
/** What aufs once kept in layers for itself; it describes no file. */
export const META_PREFIX = ".wh..wh.";

export const OPAQUE_XATTR = "trusted.overlay.opaque";
const OPAQUE_VALUE = Uint8Array.of(0x79);

export function isWhiteout(stat: FileStat): boolean {
  return stat.kind === "char" && stat.major === 0 && stat.minor === 0;
}

export function isOpaque(directory: DirHandle, name: string): boolean {
  return isOpaqueValue(directory.getXattr(name, OPAQUE_XATTR));
}

export function isOpaqueItself(directory: DirHandle): boolean {
  return isOpaqueValue(getOwnXattr(directory.fd, OPAQUE_XATTR));
}

/** `x` says that files below may be whiteouts of the newer kind (kernel 6.7), and nothing about opaqueness. */
function isOpaqueValue(value: Uint8Array | undefined): boolean {
  return value?.length === 1 && value[0] === OPAQUE_VALUE[0];
}

export function makeWhiteout(directory: DirHandle, name: string): void {
  directory.mknod(name, "char", 0, 0, 0);
}

export function makeOpaque(directory: DirHandle, name: string): void {
  directory.setXattr(name, OPAQUE_XATTR, OPAQUE_VALUE);
}

export function makeOpaqueItself(directory: DirHandle): void {
  setOwnXattr(directory.fd, OPAQUE_XATTR, OPAQUE_VALUE);
}
