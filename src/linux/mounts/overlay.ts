import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invalidParameter } from "../../lib/index.ts";
import { EINVAL, ENOSYS, isErrno } from "../errors.ts";
import { closeDescriptor, descriptorPath } from "../files/descriptors.ts";
import { openRoot, RootDir } from "../files/root-dir.ts";
import { mountAttributes, splitMountOptions } from "./mount-flags.ts";
import { mount, unmount } from "./mounts.ts";
import { attachMount, detachedMount, type FsSetting } from "./new-mount-api.ts";

/** Layers that are shown as one directory (overlayfs). */
export interface OverlayLayers {
  /** Read-only layers, the topmost first. At least two where there is no `upper`. */
  readonly lower: readonly string[];
  /** Where changes go; without it the mount is read-only. */
  readonly upper?: string;
  /** An empty directory beside `upper`, which overlayfs works in. */
  readonly work?: string;
  /** No fsync reaches the disk. After a crash of the host the upper layer must be thrown away. Linux 5.10. */
  readonly volatile?: boolean;
  /** More of mount(8)'s and overlayfs's options: `ro`, `nodev`, `index=off`, `userxattr`, … */
  readonly options?: readonly string[];
}

export interface OverlayMount extends OverlayLayers {
  readonly target: string;
}

/** mount(2) copies one page of options, its end included. */
const LARGEST_DATA = 4095;

/**
 * Mounts layers at a directory. The undo is `unmount`. Where mount(2)'s page of options is too small for the layers,
 * they are given one by one (Linux 6.7), else named through short descriptor paths (about 200 of them).
 * @throws LinuxError with overlayfs's own explanation where the kernel gives one.
 */
export function mountOverlay(overlay: OverlayMount): void {
  if (mountByText(overlay, overlay.target)) return;
  if (attachDetached(overlay)) return;
  if (mountByDescriptors(overlay)) return;
  throw invalidParameter(`too many layers for an overlay on this kernel: ${overlay.lower.length}`);
}

/**
 * Opens layers as one tree without a place in the file system: nobody else sees the mount, and it is gone when the
 * root is closed, or with this process.
 */
export function openOverlay(layers: OverlayLayers): RootDir {
  try {
    return new RootDir(detachedOverlay(layers));
  } catch (error) {
    if (!isErrno(error, EINVAL, ENOSYS)) throw error;
    return openHiddenOverlay(layers);
  }
}

/** @returns false where the options are longer than mount(2) takes. */
function mountByText(overlay: OverlayLayers, target: string): boolean {
  const { flags, data } = splitMountOptions(overlay.options ?? []);
  const lower = `lowerdir=${overlay.lower.map(escapePath).join(":")}`;
  const text = [lower, ...otherSettings(overlay).map(settingText), ...data].join(",");
  if (Buffer.byteLength(text) > LARGEST_DATA) return false;
  mount("overlay", target, "overlay", flags, text);
  return true;
}

/** @returns false where the kernel does not take layers one by one. */
function attachDetached(overlay: OverlayMount): boolean {
  let fd: number;
  try {
    fd = detachedOverlay(overlay);
  } catch (error) {
    if (isErrno(error, EINVAL, ENOSYS)) return false;
    throw error;
  }
  try {
    attachMount(fd, overlay.target);
    return true;
  } finally {
    closeDescriptor(fd);
  }
}

/** overlayfs looks the paths up at once, so that descriptors that lead to the layers need to live no longer than the call. */
export function mountByDescriptors(overlay: OverlayMount): boolean {
  using layers = new DisposableStack();
  const lower = overlay.lower.map((path) => descriptorPath(layers.use(openRoot(path)).fd));
  return mountByText({ ...overlay, lower }, overlay.target);
}

/** Before Linux 6.7: mounted at a directory of our own, held by a descriptor, and taken away from there at once. */
export function openHiddenOverlay(layers: OverlayLayers): RootDir {
  const target = mkdtempSync(join(tmpdir(), "berth-overlay-"));
  try {
    mountOverlay({ ...layers, target });
    return openRoot(target);
  } finally {
    unmount(target, { lazy: true });
    rmdirSync(target);
  }
}

/** @returns a descriptor of a mount that is attached nowhere. */
function detachedOverlay(overlay: OverlayLayers): number {
  const { flags, data } = splitMountOptions(overlay.options ?? []);
  const lower = overlay.lower.map((path): FsSetting => ["lowerdir+", path]);
  const own = data.map((option) => option.split(/=(.*)/s, 2) as [string, string?]);
  return detachedMount("overlay", [...lower, ...otherSettings(overlay), ...own], mountAttributes(flags));
}

function otherSettings({ upper, work, volatile }: OverlayLayers): FsSetting[] {
  const settings: FsSetting[] = [];
  if (upper !== undefined) settings.push(["upperdir", escapePath(upper)]);
  if (work !== undefined) settings.push(["workdir", escapePath(work)]);
  if (volatile === true) settings.push(["volatile"]);
  return settings;
}

function settingText([key, value]: FsSetting): string {
  return value === undefined ? key : `${key}=${value}`;
}

/** A comma ends an option and a colon a layer; overlayfs takes a backslash before any character, but none in `lowerdir+`. */
function escapePath(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}
