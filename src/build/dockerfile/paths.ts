import { cleanPath } from "../../lib/ignore/index.ts";

/** A path within a root: absolute and clean; `..` stops at the root. */
export function inRoot(path: string): string {
  return cleanPath(`/${path}`);
}

/** A path that may be relative to a folder; one that is absolute stays as it is written. */
export function relativeTo(directory: string, path: string): string {
  if (path === "") return directory === "" ? "/" : directory;
  return path.startsWith("/") ? path : cleanPath(`/${directory}/${path}`);
}

/** The same, but a slash or `/.` at the end stays: it says that the path is a folder (BuildKit's `NormalizePath`). */
export function destinationPath(directory: string, path: string): string {
  const written = path === "" || path === "." ? "./" : path;
  const clean = cleanPath(written.startsWith("/") ? written : `/${directory}/${written}`);
  if (clean === "/") return "/";
  if (written.endsWith("/")) return `${clean}/`;
  return written.endsWith("/.") ? `${clean}/.` : clean;
}

/** Whether a path leads out of the root that it is relative to. */
export function climbsOut(path: string): boolean {
  const clean = cleanPath(path.replace(/^\/+/, ""));
  return clean === ".." || clean.startsWith("../");
}

export function baseName(path: string): string {
  return cleanPath(path).split("/").at(-1)!;
}
