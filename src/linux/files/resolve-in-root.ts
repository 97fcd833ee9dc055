import type { RootDir } from "./root-dir.ts";

/** As many links as Linux follows in one path (`path_resolution(7)` allows 40) and some for good measure. */
const MAX_LINKS = 255;

/**
 * Where a path leads when all links in it are followed within the root; what is not there stays as it is written. Only for
 * showing and for comparing with mounts: files are opened by the kernel's own look-up.
 */
export function resolveInRoot(root: RootDir, path: string): string {
  const pending = path.split("/").reverse();
  let resolved = "";
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf("/")));
      continue;
    }
    const next = `${resolved}/${name}`;
    const target = links < MAX_LINKS ? linkTarget(root, next) : undefined;
    if (target === undefined) {
      resolved = next;
      continue;
    }
    links++;
    if (target.startsWith("/")) resolved = "";
    pending.push(...target.split("/").reverse());
  }
  return resolved === "" ? "/" : resolved;
}

function linkTarget(root: RootDir, path: string): string | undefined {
  try {
    return root.stat(path, { follow: false }).kind === "symlink" ? root.readLink(path) : undefined;
  } catch {
    return undefined;
  }
}
