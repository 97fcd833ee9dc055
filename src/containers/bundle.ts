import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "./context.ts";

/** Directories of a bundle that something may be mounted on: they are removed only as empty directories. */
const MOUNT_POINTS = ["rootfs", "shm"];
const MOUNTS = "mounts";

/** The directory that the OCI runtime works from; its existence says that there is something to clean up. */
export function makeBundle(context: Pick<Context, "paths">, id: string): void {
  mkdirSync(context.paths.rootfs(id), { recursive: true, mode: 0o700 });
}

/** A mount point of its own for the n-th extra mount (images, parts of volumes). */
export function makeMountPoint(context: Pick<Context, "paths">, id: string, index: number): string {
  const target = join(context.paths.bundle(id), MOUNTS, String(index));
  mkdirSync(target, { recursive: true, mode: 0o700 });
  return target;
}

/** Takes the host's view of a container's mounts away, once the container has its own. The shared /dev/shm stays. */
export function detachMounts(context: Pick<Context, "paths" | "machine">, id: string): void {
  context.machine.detach(context.paths.rootfs(id));
  const extra = join(context.paths.bundle(id), MOUNTS);
  for (const name of listed(extra)) context.machine.detach(join(extra, name));
}

/**
 * Removes the bundle and everything mounted in it. What cannot be unmounted makes this fail before anything is deleted
 * through it. Idempotent.
 */
export function removeBundle(context: Pick<Context, "paths" | "machine">, id: string): void {
  const bundle = context.paths.bundle(id);
  if (!existsSync(bundle)) return;
  detachMounts(context, id);
  context.machine.detach(context.paths.shm(id));
  const extra = join(bundle, MOUNTS);
  const mountPoints = [
    ...MOUNT_POINTS.map((name) => join(bundle, name)),
    ...listed(extra).map((name) => join(extra, name)),
  ];
  // rmdir refuses a mount point and a directory that holds anything.
  for (const path of mountPoints) if (existsSync(path)) rmdirSync(path);
  rmSync(bundle, { recursive: true, force: true });
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
