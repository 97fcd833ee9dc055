import { invalidParameter, messageOf } from "../lib/index.ts";
import { closeDescriptor, openRoot } from "../linux/index.ts";

/** A path that goes on meaning one file, whatever is renamed around it, until it is closed. */
export interface PinnedPath extends Disposable {
  /** `/proc/<pid>/fd/<n>`, as a source for a bind mount by any process of this host. */
  readonly path: string;
  readonly isDirectory: boolean;
  close(): void;
}

const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/**
 * Opens a path within a volume. A container that has the volume may be changing it meanwhile: links are followed
 * inside of it only, by the kernel itself, and what was found is held (CVE-2022-23648, GHSA-rg2x).
 * @throws InvalidParameter in Docker's words
 */
export function openSubpath(volumePath: string, subpath: string): PinnedPath {
  if (subpath.startsWith("/") || subpath.split("/").includes("..") || subpath.includes("\0")) {
    throw invalidParameter("subpath must be a relative path within the volume");
  }
  using root = openRoot(volumePath);
  try {
    const fd = root.open(subpath, O_PATH | O_CLOEXEC);
    const isDirectory = root.stat(subpath).kind === "directory";
    const close = () => closeDescriptor(fd);
    return { path: `/proc/${process.pid}/fd/${fd}`, isDirectory, close, [Symbol.dispose]: close };
  } catch (error) {
    throw invalidParameter(`cannot access path ${subpath} of the volume: ${messageOf(error)}`, error);
  }
}
