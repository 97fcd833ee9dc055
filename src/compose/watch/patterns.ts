import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { cleanPath, IgnoreRules, ignoreFileNames, parseIgnoreFile } from "../../lib/ignore/index.ts";
import { isRemoteContext } from "../images/build-request.ts";
import type { Build } from "../model/index.ts";

/** Patterns of a `.dockerignore`, and where they begin. */
export interface Patterns {
  readonly root: string;
  readonly rules: IgnoreRules;
}

/** What editors and tools leave beside the files that they write, for moments or as their own notes. */
const PASSING = [
  "**/.git",
  "**/.idea",
  "**/*___jb_tmp___",
  "**/*___jb_old___",
  "**/.#*",
  "**/#*#",
  "**/*~",
  "**/4913",
  "**/.*.sw[npox]",
  "**/.*.kate-swp",
  "**/*-go-tmp-umask",
];

/** What nobody wants to have copied, wherever it is. */
export const passingFiles: Patterns = { root: "/", rules: new IgnoreRules(PASSING) };

/** `ignore` and `include` of a rule: as lines of a `.dockerignore` in its folder. */
export function patternsBelow(root: string, lines: readonly string[]): Patterns {
  const cleaned = lines.map((line) => {
    const brings = line.startsWith("!");
    const path = cleanPath(brings ? line.slice(1) : line).replace(/^\/+(?=.)/, "");
    return (brings ? "!" : "") + path;
  });
  return { root, rules: new IgnoreRules(cleaned) };
}

/** What a build's ignore file leaves out; undefined where there is no folder or no such file. */
export function buildPatterns(build: Build | undefined): Patterns | undefined {
  const root = build?.context;
  if (root === undefined || isRemoteContext(root)) return undefined;
  const names = [...ignoreFileNames(build?.dockerfile ?? "Dockerfile"), ".dockerignore"];
  for (const name of names) {
    const text = readText(`${root}/${name}`);
    if (text !== undefined) return { root, rules: parseIgnoreFile(text) };
  }
  return undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** A path's name below a folder, `.` for the folder itself; undefined where it is outside. */
export function below(root: string, path: string): string | undefined {
  if (path === root) return ".";
  const name = relative(root, path);
  return name === ".." || name.startsWith("../") ? undefined : name;
}

export function fits({ root, rules }: Patterns, path: string): boolean {
  const name = below(root, path);
  return name !== undefined && rules.leavesOut(name);
}
