import { constants as fs, read } from "node:fs";
import { constants } from "node:os";
import { invalidParameter } from "../../lib/index.ts";
import { closeDescriptor, isErrno, scanDescriptor } from "../../linux/index.ts";
import type { SourceNode } from "./selection.ts";
import { openDirectory, shown, type Tree } from "./tree.ts";

const PIECE_BYTES = 256 * 1024;

export const changed = (path: string) =>
  invalidParameter(`${JSON.stringify(shown(path))} changed while it was being read`);

/** What opening a file fails with that was there a moment ago, and is gone or has become a link. */
const GONE = [constants.errno.ENOENT, constants.errno.ENOTDIR, constants.errno.ELOOP];

/** Opens something that was selected. @throws InvalidParameter where it is not what it was */
export function opening<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw isErrno(error, ...GONE) ? changed(path) : error;
  }
}

/** @returns a descriptor that the caller closes */
function openSource(tree: Tree, { path }: SourceNode): number {
  const slash = path.lastIndexOf("/");
  return opening(path, () => {
    using directory = openDirectory(tree, slash < 0 ? "" : path.slice(0, slash));
    return directory.open(path.slice(slash + 1), fs.O_RDONLY);
  });
}

/**
 * The content of a selected file that is open. Pieces belong to the receiver.
 * @throws InvalidParameter where it is no longer what was selected: that is known only at the end
 */
export async function* readSource(
  fd: number,
  node: SourceNode,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { size } = node.entry;
  const hasher = node.isRacy ? new Bun.CryptoHasher("sha256") : undefined;
  let done = 0;
  while (done < size) {
    signal.throwIfAborted();
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, size - done));
    const count = await readAt(fd, piece, done);
    if (count === 0) break;
    const bytes = piece.subarray(0, count);
    hasher?.update(bytes);
    done += count;
    yield bytes;
  }
  checkRead(fd, node, done, () => hasher!.digest().toString("latin1"));
}

/** The same of one that is not open yet. */
export async function* readSelected(
  tree: Tree,
  node: SourceNode,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const fd = openSource(tree, node);
  try {
    yield* readSource(fd, node, signal);
  } finally {
    closeDescriptor(fd);
  }
}

/**
 * Whether `count` bytes that were read of a file are all of what was selected.
 * @param digest of what was read, in 32 Latin-1 characters; asked for where times alone cannot tell
 * @throws InvalidParameter
 */
export function checkRead(fd: number, node: SourceNode, count: number, digest: () => string): void {
  const { entry } = node;
  const isSame = count === entry.size && scanDescriptor(fd, "").identity === entry.identity;
  if (!isSame || (node.isRacy && digest() !== node.digest)) throw changed(node.path);
}

/** @returns how many bytes there were; 0 at the file's end */
export function readAt(fd: number, into: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) =>
    read(fd, into, 0, into.length, offset, (error, count) => (error ? reject(error) : resolve(count))),
  );
}
