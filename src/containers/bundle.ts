import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeDirectory } from "../linux/index.ts";
import type { Context } from "./context.ts";

/** Directories of a bundle that something may be mounted on: they are removed only as empty directories. */
const MOUNT_POINTS = ["rootfs", "shm"];
const MOUNTS = "mounts";

/** The directory that the OCI runtime works from; its existence says that there is something to clean up. */
export function makeBundle(context: Pick<Context, "paths">, id: string): void {
  mkdirSync(context.paths.rootfs(id), { recursive: true, mode: 0o700 });
}

/** A mount point for something that is mounted until the runtime has taken it over (images, parts of volumes). */
export function makeMountPoint(
  context: Pick<Context, "paths">,
  id: string,
  name: string,
  kind: "directory" | "file",
): string {
  const target = join(context.paths.bundle(id), MOUNTS, name);
  mkdirSync(kind === "directory" ? target : dirname(target), { recursive: true, mode: 0o700 });
  if (kind === "file") writeFileSync(target, "", { mode: 0o600 });
  return target;
}

/**
 * Takes the host's view of a container's mounts away, once the container has its own. The shared /dev/shm
 * stays.
 */
export function detachMounts(context: Pick<Context, "paths" | "machine">, id: string): void {
  context.machine.detach(context.paths.rootfs(id));
  const extra = join(context.paths.bundle(id), MOUNTS);
  for (const name of listed(extra)) context.machine.detach(join(extra, name));
}

/**
 * Removes the bundle and everything mounted in it. What cannot be unmounted makes this fail before anything
 * is deleted
 * through it. Idempotent.
 */
export function removeBundle(context: Pick<Context, "paths" | "machine">, id: string): void {
  const bundle = context.paths.bundle(id);
  if (!existsSync(bundle)) return;
  detachMounts(context, id);
  context.machine.detach(context.paths.shm(id));
  const extra = join(bundle, MOUNTS);
  for (const name of MOUNT_POINTS) removeMountPoint(join(bundle, name));
  for (const name of listed(extra)) removeMountPoint(join(extra, name));
  removeDirectory(bundle);
}

/** rmdir and unlink refuse what something is mounted on, and rmdir what holds anything. */
function removeMountPoint(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isDirectory()) rmdirSync(path);
  else unlinkSync(path);
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
