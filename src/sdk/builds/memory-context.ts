import type { FileTree, TreeFilter } from "../../lib/buildkit/index.ts";
import { encodeHeader, invalidParameter, padding, TAR_END } from "../../lib/index.ts";
import type { BuildFiles } from "./options.ts";

/** A Dockerfile from outside of the context travels under a name that no file of the context has. */
export const OUTSIDE_NAME = ".dockerfile.berth";

/** A context that is nowhere but in memory. */
export interface MemoryFiles {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Where a Dockerfile that was given apart from the files is; undefined where none was. */
  readonly dockerfile: string | undefined;
}

/** @throws InvalidParameter for paths that lead out of the context, or through a file */
export function memoryFiles(given: BuildFiles, dockerfile: Uint8Array | undefined): MemoryFiles {
  const files = new Map<string, Uint8Array>();
  for (const [path, content] of Object.entries(given)) {
    const parts = path.replace(/^(\.?\/)+/, "").split("/");
    if (parts.some((part) => part === "" || part === "." || part === "..") || path.includes("\0"))
      throw invalidParameter(`invalid path of a file in a build's context: ${JSON.stringify(path)}`);
    files.set(parts.join("/"), typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
  if (dockerfile !== undefined) files.set(OUTSIDE_NAME, dockerfile);
  for (const folder of foldersOf(files.keys())) {
    if (files.has(folder)) throw invalidParameter(`${JSON.stringify(folder)} is both a file and a folder`);
  }
  return { files, dockerfile: dockerfile === undefined ? undefined : OUTSIDE_NAME };
}

function foldersOf(paths: Iterable<string>): Set<string> {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
      folders.add(path.slice(0, at));
  }
  return folders;
}

/** As a tar, folders first. */
export async function* filesAsTar({ files }: MemoryFiles): AsyncGenerator<Uint8Array, void> {
  for (const name of [...foldersOf(files.keys())].sort()) {
    yield encodeHeader({ name: `${name}/`, kind: "directory", mode: 0o755 });
  }
  for (const [name, content] of files) {
    yield encodeHeader({ name, kind: "file", mode: 0o644, size: content.length });
    yield content;
    yield padding(content.length);
  }
  yield TAR_END;
}

/** As the answers to an engine that asks for files. */
export async function filesAsTree({ files }: MemoryFiles, filter: TreeFilter): Promise<FileTree> {
  const [{ formatGoMode }, { IgnoreRules }] = await Promise.all([
    import("./words.ts"),
    import("../../lib/ignore/index.ts"),
  ]);
  const exclude = new IgnoreRules(filter.exclude);
  const wanted = [...filter.include, ...filter.follow];
  const include = wanted.length === 0 ? undefined : new IgnoreRules(wanted);
  const kept = [...files.keys()].filter(
    (path) => !exclude.leavesOut(path) && include?.leavesOut(path) !== false,
  );
  const folders = foldersOf(kept);
  const none = { uid: 0, gid: 0, modified: 0n, linkName: "", major: 0, minor: 0, xattrs: new Map() };
  return {
    async *walk() {
      for (const path of [...kept, ...folders].sort(byParts)) {
        const content = folders.has(path) ? undefined : files.get(path);
        const mode = content === undefined ? formatGoMode("directory", 0o755) : formatGoMode("file", 0o644);
        yield { path, mode, size: content?.length ?? 0, ...none };
      }
    },
    async *read(path) {
      const content = files.get(path);
      if (content !== undefined && content.length > 0) yield content;
    },
  };
}

/** Folders before what is in them, and that before the next entry: as a walk through a tree goes. */
function byParts(a: string, b: string): number {
  const [left, right] = [a.replaceAll("/", "\0"), b.replaceAll("/", "\0")];
  return left < right ? -1 : left > right ? 1 : 0;
}
