import { constants } from "node:fs";
import { invalidParameter } from "../../lib/index.ts";
import { DirHandle, type FileKind, type RootDir, type ScannedEntry, scanPath } from "../../linux/index.ts";
import type { SourceTree } from "../solve/contract.ts";
import type { FileDigests } from "./file-digests.ts";
import type { FolderHelp } from "./fingerprint-thread.ts";

/** Files to read from, be they a source's or those of layers. Paths are relative to the top, which is "". */
export interface Tree {
  readonly root: RootDir;
  /** What is part of it; undefined: everything. */
  readonly includes: SourceTree["includes"];
  /**
   * Files that are in no layer: everything is root's, and its top is an ordinary directory, whatever mode the user's own has
   * (BuildKit, whose contexts are sent without owners and without their top).
   */
  readonly isSource: boolean;
  /** Digests that are known from earlier; undefined where the files are seen once only. */
  readonly digests: FileDigests | undefined;
  /** Undefined where nobody helps. */
  readonly help: FolderHelp | undefined;
}

export function sourceTree(source: SourceTree, digests: FileDigests | undefined): Tree {
  return { root: source.root, includes: source.includes, isSource: true, digests, help: source.help };
}

export function layersTree(view: RootDir): Tree {
  return { root: view, includes: undefined, isSource: false, digests: undefined, help: undefined };
}

/** The path of a name in a directory. */
export function below(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** As error messages show it. */
export const shown = (path: string) => `/${path}`;

/** What is at a path, not followed; undefined where nothing is that belongs to the tree. */
export function lookAt({ root, includes }: Tree, path: string): ScannedEntry | undefined {
  const entry = scanPath(root, path);
  if (entry === undefined || path === "" || includes === undefined) return entry;
  return includes(path, entry.kind === "directory") ? entry : undefined;
}

/** A directory of the tree to work in. Its path has been resolved before: what has become a link since is refused. */
export function openDirectory({ root }: Pick<Tree, "root">, path: string): DirHandle {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  return new DirHandle(root.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

/** Somewhere in a tree. */
export interface Place {
  /** Without links on the way there. */
  readonly path: string;
  /** Undefined where nothing is there. */
  readonly entry: ScannedEntry | undefined;
}

/**
 * Where a path of a tree leads. A link to what is not part of the tree leads nowhere.
 * @throws InvalidParameter where links lead in a circle
 */
export function resolve(tree: Tree, path: string, options: { readonly followLast: boolean }): Place {
  const place = follow(
    { lookAt: (each) => lookAt(tree, each), readLink: (each) => tree.root.readLink(each) },
    path,
    options,
  );
  const isThere = place.kind !== undefined && place.blockedBy === undefined;
  return { path: place.path, entry: isThere ? lookAt(tree, place.path) : undefined };
}

/** Files that links can be followed in. Paths are relative to the top, "". */
export interface Followable {
  lookAt(path: string): { readonly kind: FileKind } | undefined;
  readLink(path: string): string;
}

export interface Followed {
  readonly path: string;
  /** Undefined where nothing is there. */
  readonly kind: FileKind | undefined;
  /** Something that is no folder, in the middle of the path. */
  readonly blockedBy: string | undefined;
}

/** As many links as Go's builder follows. */
const LINKS_MAX = 255;

/**
 * Follows links as if the top were `/`: an absolute one starts there, `..` stops there. What is not there stays in the path as
 * it is written (continuity's `RootPath`). @throws InvalidParameter
 */
export function follow(
  files: Followable,
  path: string,
  { followLast }: { readonly followLast: boolean },
): Followed {
  let links = 0;
  let here: string[] = [];
  let kind: FileKind | undefined = "directory";
  let blockedBy: string | undefined;
  const rest = path.split("/").reverse();
  const kindAt = () => (here.length === 0 ? "directory" : files.lookAt(here.join("/"))?.kind);
  while (rest.length > 0) {
    const part = rest.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      here.pop();
      kind = kindAt();
      continue;
    }
    if (kind !== "directory") {
      if (kind !== undefined) blockedBy ??= here.join("/");
      here.push(part);
      kind = undefined;
      continue;
    }
    here.push(part);
    kind = kindAt();
    const isLast = rest.every((other) => other === "" || other === ".");
    if (kind !== "symlink" || (isLast && !followLast)) continue;
    if (++links > LINKS_MAX) throw invalidParameter(`${shown(path)}: too many links`);
    const target = files.readLink(here.join("/"));
    if (target.startsWith("/")) here = [];
    else here.pop();
    kind = "directory";
    rest.push(...target.split("/").reverse());
  }
  return { path: here.join("/"), kind, blockedBy };
}
