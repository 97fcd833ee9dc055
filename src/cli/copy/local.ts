import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { posix, resolve } from "node:path";
import { endsWithSlash, followedName, keepEnding, splitEntry } from "./paths.ts";
import type { CopySource, CopyTarget } from "./placement.ts";

/** A link may lead to another, so many times. */
const LINKS_MAX = 10;

/** An absolute path with the ending of what was typed. */
export function absolute(path: string): string {
  return keepEnding(resolve(path), path);
}

/** A file of this host that is to be copied. A link is copied itself unless it shall be followed. */
export function localSource(path: string, followLink: boolean): CopySource {
  const { path: resolved, rename } = followLink ? followedName(path, realPath(path)) : withRealParent(path);
  // With a trailing slash the link's target is meant.
  const stat = endsWithSlash(resolved) ? statOrThrow(resolved, statSync) : statOrThrow(resolved, lstatSync);
  if (endsWithSlash(resolved) && !stat.isDirectory()) throw new Error("not a directory");
  return { path: resolved, isDirectory: stat.isDirectory(), rename };
}

function withRealParent(path: string): { path: string; rename: string | undefined } {
  const slash = path.lastIndexOf("/");
  const parent = realPath(path.slice(0, slash) || "/");
  const resolved = `${parent === "/" ? "" : parent}/${path.slice(slash + 1)}`;
  const isRenamed = endsWithSlash(path) && posix.basename(path) !== posix.basename(resolved);
  return { path: resolved, rename: isRenamed ? posix.basename(path) : undefined };
}

/** Where something is to be copied to on this host. A link that is the last part is followed, also into nothing. */
export function localTarget(path: string): CopyTarget {
  let target = path;
  for (let links = 0; ; links++) {
    const stat = lstatSync(target, { throwIfNoEntry: false });
    if (stat === undefined) break;
    if (!stat.isSymbolicLink()) return { path: target, exists: true, isDirectory: stat.isDirectory() };
    if (links > LINKS_MAX) throw new Error(`too many symlinks in ${path}`);
    target = resolve(splitEntry(target).directory, readlinkSync(target));
  }
  const { directory } = splitEntry(target);
  const parent = statSync(directory, { throwIfNoEntry: false });
  if (parent === undefined) {
    throw new Error(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  }
  if (!parent.isDirectory()) throw new Error("not a directory");
  return { path: target, exists: false, isDirectory: false };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw missing(path, error);
  }
}

function statOrThrow(path: string, stat: typeof lstatSync): NonNullable<ReturnType<typeof lstatSync>> {
  try {
    return stat(path.length > 1 ? path.replace(/\/+$/, "") || "/" : path)!;
  } catch (error) {
    throw missing(path, error);
  }
}

function missing(path: string, error: unknown): Error {
  const { code } = error as { code?: string };
  const reason =
    code === "ENOENT"
      ? "no such file or directory"
      : code === "ENOTDIR"
        ? "not a directory"
        : (error as Error).message;
  return new Error(`lstat ${path}: ${reason}`, { cause: error });
}
