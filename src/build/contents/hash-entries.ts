import { constants, readSync } from "node:fs";
import { closeDescriptor, type DirHandle, scanDescriptor, Turns, travels } from "../../linux/index.ts";
import { FileDigests } from "./file-digests.ts";
import type { SourceNode } from "./selection.ts";
import { changed, opening, readAt } from "./source-file.ts";
import type { Tree } from "./tree.ts";

/** Files up to this size are read and hashed at once: that is done before a thread of the pool has woken up. */
const SMALL_BYTES = 256 * 1024;
/** Others in pieces that take the main thread less than a millisecond each. */
const PIECE_BYTES = 1 << 20;
const ATTEMPTS = 3;

const buffer = Buffer.allocUnsafeSlow(SMALL_BYTES + 1);
const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/** Puts in what a digest of a directory's entries needs: the files' contents and all extended attributes. */
export async function hashEntries(
  tree: Tree,
  directory: DirHandle,
  nodes: readonly SourceNode[],
  signal: AbortSignal,
): Promise<void> {
  const turns = new Turns();
  for (const node of nodes) {
    const { kind } = node.entry;
    const known = kind === "file" ? tree.digests?.find(node.entry) : undefined;
    if (known !== undefined) {
      node.digest = known;
      node.xattrs = NONE;
      continue;
    }
    node.xattrs = kind === "symlink" ? NONE : opening(node.path, () => readXattrs(directory, node.name));
    if (kind !== "file") continue;
    await hashFile(directory, node, signal);
    if (tree.digests === undefined) node.isRacy = false;
    if (!node.isRacy && node.xattrs.size === 0) tree.digests?.add(node.entry, node.digest!);
    const turn = turns.over();
    if (turn !== undefined) await turn;
    signal.throwIfAborted();
  }
}

/** Attributes that are the file's own. */
export function readXattrs(directory: DirHandle, name: string): ReadonlyMap<string, Uint8Array> {
  const names = directory.listXattrs(name);
  if (names.length === 0) return NONE;
  const xattrs = new Map<string, Uint8Array>();
  for (const attribute of names.filter(travels).sort()) {
    const value = directory.getXattr(name, attribute);
    if (value !== undefined) xattrs.set(attribute, value);
  }
  return xattrs;
}

/** Of a file that changes under its reader's hands, the digest is that of one state of it, or there is none. */
async function hashFile(directory: DirHandle, node: SourceNode, signal: AbortSignal): Promise<void> {
  let expected = node.entry;
  for (let attempt = 1; attempt <= ATTEMPTS && expected.kind === "file"; attempt++) {
    const startedMs = Date.now();
    const fd = opening(node.path, () => directory.open(node.name, constants.O_RDONLY));
    try {
      const { size } = expected;
      const digest = size <= SMALL_BYTES ? hashSmall(fd, size) : await hashLarge(fd, size, signal);
      const found = scanDescriptor(fd, expected.name);
      if (digest !== undefined && found.identity === expected.identity) {
        node.entry = expected;
        node.digest = digest;
        node.isRacy = FileDigests.isRacy(expected, startedMs);
        return;
      }
      expected = found;
    } finally {
      closeDescriptor(fd);
    }
  }
  throw changed(node.path);
}

/** @returns undefined where the file is not as long as it says */
function hashSmall(fd: number, size: number): string | undefined {
  const count = readSync(fd, buffer, 0, size + 1, 0);
  if (count !== size) return undefined;
  return Bun.CryptoHasher.hash("sha256", buffer.subarray(0, size)).toString("latin1");
}

async function hashLarge(fd: number, size: number, signal: AbortSignal): Promise<string | undefined> {
  const hasher = new Bun.CryptoHasher("sha256");
  // While one piece is hashed the next is read.
  let [piece, other] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)];
  let done = 0;
  for (let count = await readAt(fd, piece, 0); count > 0; ) {
    signal.throwIfAborted();
    done += count;
    if (done > size) return undefined;
    const next = readAt(fd, other, done);
    hasher.update(piece.subarray(0, count));
    [piece, other] = [other, piece];
    count = await next;
  }
  return done === size ? hasher.digest().toString("latin1") : undefined;
}
