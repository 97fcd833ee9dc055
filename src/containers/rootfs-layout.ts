import type { RootDir } from "../linux/index.ts";
import type { FilesystemChange } from "../wire/index.ts";

/** Paths that the engine or the runtime makes in every container's root, and that are not the user's. */
export const ENGINE_PATHS: readonly string[] = [
  "/.dockerenv",
  "/dev",
  "/dev/console",
  "/dev/mqueue",
  "/dev/pts",
  "/dev/shm",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/mtab",
  "/etc/resolv.conf",
  "/proc",
  "/sys",
];

const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_EXCL = 0o200;

/**
 * What programs look for in the root of a Docker container: the mark `/.dockerenv`, and /etc/mtab. Mount
 * points are
 * made by the runtime. Never follows a link out of the root; an image in which they cannot be made goes without.
 */
export function layOutRoot(root: RootDir, close: (descriptor: number) => void): void {
  attempt(() => close(root.open("/.dockerenv", O_WRONLY | O_CREAT | O_EXCL, 0o755)));
  attempt(() => {
    root.mkdirAll("/etc", 0o755);
    root.symlink("/proc/mounts", "/etc/mtab");
  });
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // It is there already, or the image has something else in its place.
  }
}

/**
 * A container's changes without those that the engine made: `docker diff` of a container that did nothing is
 * empty.
 */
export function usersChanges(changes: readonly FilesystemChange[]): FilesystemChange[] {
  const engine = new Set(ENGINE_PATHS);
  const kept = changes.filter((change) => !engine.has(change.Path));
  const changed = new Set(kept.map((change) => change.Path));
  const holdsMore = [...changed].some((path) => path.startsWith("/etc/"));
  // Made or touched only by what the engine put into it.
  return kept.filter((change) => change.Path !== "/etc" || change.Kind === 2 || holdsMore);
}
