import { posix } from "node:path";
import { invalidParameter } from "../../lib/index.ts";

/** Go's `path.Clean` for absolute paths: no `.`, `..`, double or trailing slash. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/**
 * A mount's destination, cleaned.
 * @throws InvalidParameter for the root and for relative paths, in Docker's words
 */
export function parseDestination(path: string): string {
  const slashed = path.replaceAll("\\", "/");
  if (path.includes("\0")) throw invalidParameter(`invalid mount path: ${JSON.stringify(path)}`);
  if (cleanPath(slashed) === "/") throw invalidParameter("invalid specification: destination can't be '/'");
  if (!slashed.startsWith("/")) {
    throw invalidParameter(`invalid mount path: '${path}' mount path must be absolute`);
  }
  return cleanPath(path);
}

/** Go's `filepath.IsLocal`: relative, not empty, and does not leave where it starts. */
export function isLocalPath(path: string): boolean {
  if (path === "" || path.startsWith("/") || path.includes("\0")) return false;
  const normal = posix.normalize(path);
  return normal !== ".." && !normal.startsWith("../");
}
