import { messageOf, notFound, systemError } from "../../lib/index.ts";
import { type FileStat, isErrno, type RootDir, resolveInRoot } from "../../linux/index.ts";
import type { PathStat } from "../../wire/index.ts";
import { formatNanoseconds } from "../time.ts";
import { baseName } from "./paths.ts";

const ENOENT = 2;

/**
 * What the header X-Docker-Container-Path-Stat says of a path. The last component is not followed, unless a
 * slash or `/.` ends the path.
 */
export function pathStat(root: RootDir, path: string): PathStat & { kind: FileStat["kind"] } {
  const stat = root.stat(path, { follow: false });
  return {
    name: baseName(path),
    size: stat.size,
    mode: goFileMode(stat),
    mtime: formatNanoseconds(stat.mtimeNs),
    linkTarget: stat.kind === "symlink" ? resolveInRoot(root, path) : "",
    kind: stat.kind,
  };
}

const GO_TYPE: Readonly<Record<FileStat["kind"], number>> = {
  file: 0,
  directory: 2 ** 31,
  symlink: 1 << 27,
  block: 1 << 26,
  char: (1 << 26) | (1 << 21),
  fifo: 1 << 25,
  socket: 1 << 24,
};

/** Go's `os.FileMode`: permissions as in Unix, everything else in bits of its own. */
export function goFileMode({ kind, mode }: Pick<FileStat, "kind" | "mode">): number {
  let bits = mode & 0o777;
  if (mode & 0o4000) bits |= 1 << 23;
  if (mode & 0o2000) bits |= 1 << 22;
  if (mode & 0o1000) bits |= 1 << 20;
  return GO_TYPE[kind] + bits;
}

/** A failure to look at a path, in Docker's words. */
export function pathError(error: unknown, path: string, reference: string): unknown {
  if (isErrno(error, ENOENT)) return notFound(`Could not find the file ${path} in container ${reference}`);
  return error instanceof Error && error.name === "LinuxError" ? systemError(messageOf(error), error) : error;
}
