import { posix } from "node:path";

/**
 * A path as `docker cp` means it: absolute, `..` stops at the root, and a trailing slash or `/.` is kept,
 * since it says
 * "the directory that this leads to" and "what is in it".
 */
export function containerPath(path: string): string {
  const clean = posix.join("/", path).replace(/(?<=.)\/$/, "");
  if (/\/\.$|^\.$/.test(path)) return clean === "/" ? "/." : `${clean}/.`;
  return path.endsWith("/") && clean !== "/" ? `${clean}/` : clean;
}

/** Go's `filepath.Base`: `.` for `/dir/.`, `dir` for `/dir/`, `/` for the root. */
export function baseName(path: string): string {
  if (/^\/+$/.test(path)) return "/";
  const clean = path.replace(/\/+$/, "");
  return clean.slice(clean.lastIndexOf("/") + 1);
}
