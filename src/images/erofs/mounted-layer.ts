import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import {
  descriptorPath,
  type ErofsFiles,
  mountErofs,
  mountsBelow,
  openErofs,
  unmount,
} from "../../linux/index.ts";

/** A layer that the kernel has mounted, as a directory to stack from. */
export interface MountedLayer {
  readonly path: string;
  /** What was stacked from it stays. */
  close(): void;
}

/**
 * How layers are mounted. `detached` mounts have no place in the file system, so that nobody sees them and none can be
 * left behind; overlayfs takes them since Linux 6.15. `attached` ones are directories below the layers' own.
 */
export type MountMode = "detached" | "attached";

export function mountLayer(
  mode: MountMode,
  files: ErofsFiles,
  directory: string,
  name: string,
): MountedLayer {
  if (mode === "detached") {
    const root = openErofs(files);
    return { path: descriptorPath(root.fd), close: () => root.close() };
  }
  const path = join(directory, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  mountErofs(files, path);
  const close = () => {
    unmount(path, { lazy: true });
    rmdirSync(path);
  };
  return { path, close };
}

/** Takes away what a daemon that died had attached. */
export function sweepMounted(directory: string): void {
  for (const { target } of mountsBelow(directory).reverse()) unmount(target, { lazy: true });
  for (const name of readdirSync(directory)) rmdirSync(join(directory, name));
}
