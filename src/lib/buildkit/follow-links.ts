import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { IgnorePattern } from "../ignore/index.ts";

/** More links than this after each other lead nowhere. */
const PATHS_MAX = 100_000;

/**
 * What has to be sent so that paths (wildcards in them allowed) can be read at the other end: the paths themselves, every
 * symbolic link on the way, and what it leads to within the root (fsutil's `FollowLinks`).
 * @returns clean relative paths without those below others; undefined where one is the root itself
 */
export function followLinks(root: string, paths: readonly string[]): string[] | undefined {
  const found = new Set<string>();
  const waiting = [...paths];
  for (let seen = 0; waiting.length > 0; seen++) {
    if (seen > PATHS_MAX) throw new Error("too many symbolic links");
    waiting.push(...step(root, waiting.pop()!, found));
  }
  if (found.has(".")) return undefined;
  const sorted = [...found].sort();
  const last = { path: "" };
  return sorted.filter((path) => {
    const isBelow = last.path !== "" && path.startsWith(`${last.path}/`);
    if (!isBelow) last.path = path;
    return !isBelow;
  });
}

/** Goes along one path until it ends or a link turns it elsewhere. @returns where the links lead */
function step(root: string, path: string, found: Set<string>): string[] {
  const parts = path.split("/");
  let current = ".";
  for (const [index, part] of parts.entries()) {
    current = posix.join("/", current, part).slice(1) || ".";
    const targets = targetsOf(root, current);
    const rest = parts.slice(index + 1).join("/");
    if (targets === undefined && rest !== "") continue;
    if (found.has(current)) return [];
    found.add(current);
    return (targets ?? []).map((target) => posix.join(target, rest));
  }
  return [];
}

/** Where a link leads, from the root; several where the name has wildcards. Undefined where there is no link. */
function targetsOf(root: string, path: string): string[] | undefined {
  const name = posix.basename(path);
  const folder = posix.dirname(path);
  if (!hasWildcards(name)) {
    const target = linkTarget(root, path);
    return target === undefined ? undefined : [target];
  }
  const pattern = new IgnorePattern(name);
  const names = namesIn(posix.join(root, folder)).filter((other) => pattern.matches(other));
  return names.flatMap((other) => linkTarget(root, posix.join(folder, other)) ?? []);
}

function linkTarget(root: string, path: string): string | undefined {
  const whole = posix.join(root, path);
  const stat = lstatSync(whole, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isSymbolicLink()) return undefined;
  const target = readlinkSync(whole);
  return posix.join("/", target.startsWith("/") ? target : posix.join(posix.dirname(path), target));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function hasWildcards(name: string): boolean {
  return /[*?[]/.test(name.replaceAll(/\\./g, ""));
}
