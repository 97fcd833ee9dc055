import { readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemError } from "../../lib/index.ts";

/** The kernel's files here are made when they are read, and take microseconds: reading them synchronously costs less than a thread. */

/** The text of a kernel file, trimmed; `undefined` where it does not exist (or its cgroup is being removed). */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export function writeText(path: string, text: string): void {
  writeFileSync(path, text);
}

/** A single number; `undefined` for `max`, for no number, and where the file does not exist. */
export function readNumber(path: string): number | undefined {
  return parseNumber(readText(path));
}

export function parseNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Lines `name value`. */
export function readTable(path: string): Record<string, number> {
  const table: Record<string, number> = {};
  for (const line of (readText(path) ?? "").split("\n")) {
    const [name, value] = line.split(" ");
    if (name && value !== undefined) table[name] = Number(value);
  }
  return table;
}

/** The directories in a cgroup: the cgroups below it. */
export function childrenOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** A container may nest cgroups as deep as it likes; deeper than this it is left alone, and its removal fails. */
const MAX_DEPTH = 64;

/** Process ids of a cgroup directory and all below it. */
export function processesBelow(directory: string, depth = 0): number[] {
  const own = (readText(join(directory, "cgroup.procs")) ?? "")
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
  if (depth >= MAX_DEPTH) return own;
  return [...own, ...childrenOf(directory).flatMap((child) => processesBelow(child, depth + 1))];
}

/** Milliseconds: a killed process needs some to leave its cgroup, most of all with much memory to free. */
const REMOVAL_LIMIT_MS = 10_000;

/** Removes cgroup directories, each with all below it, waiting for processes that are just dying. */
export async function removeTrees(directories: readonly string[]): Promise<void> {
  let left = directories.filter((directory) => !tryRemoveTree(directory));
  const giveUpAt = performance.now() + REMOVAL_LIMIT_MS;
  for (let waitMs = 1; left.length > 0; waitMs = Math.min(waitMs * 2, 100)) {
    if (performance.now() > giveUpAt) {
      throw systemError(`cannot remove the cgroup ${left[0]}: it still has processes`);
    }
    await Bun.sleep(waitMs);
    left = left.filter((directory) => !tryRemoveTree(directory));
  }
}

function tryRemoveTree(directory: string, depth = 0): boolean {
  if (tryRemove(directory)) return true;
  if (depth >= MAX_DEPTH) return false;
  for (const child of childrenOf(directory)) tryRemoveTree(child, depth + 1);
  return tryRemove(directory);
}

/** Whether the directory is gone now. */
export function tryRemove(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (isGone(error)) return true;
    if (codeOf(error) === "EBUSY" || codeOf(error) === "ENOTEMPTY") return false;
    throw error;
  }
}

/** ENODEV: a file of a cgroup that was removed while it was open. */
export function isGone(error: unknown): boolean {
  return ["ENOENT", "ENODEV", "ENOTDIR"].includes(codeOf(error) ?? "");
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as Error & { code?: string }).code : undefined;
}
