import { type BigIntStats, constants } from "node:fs";
import { lstat, open, readlink } from "node:fs/promises";
import { encodeHeader, padding, TAR_END } from "../../lib/index.ts";

const PIECE_BYTES = 256 * 1024;

/** A file of this machine and where it is to be in a container. */
export interface Mapped {
  readonly path: string;
  /** Absolute. */
  readonly target: string;
}

/**
 * Files as one tar, to be unpacked at a container's root. They belong to root and keep their modes. What is gone by now is
 * left out; a file that shrinks while it is read is filled up with zeros, and will be told of again.
 */
export async function* packFiles(files: readonly Mapped[]): AsyncGenerator<Uint8Array, void> {
  for (const { path, target } of files) {
    const stat = await lstat(path, { bigint: true }).catch(ifGone);
    if (stat === undefined) continue;
    const name = target.replace(/^\/+/, "");
    if (name === "") continue;
    const common = { mode: Number(stat.mode & 0o7777n), uid: 0, gid: 0, mtimeNs: stat.mtimeNs };
    if (stat.isDirectory()) {
      yield encodeHeader({ ...common, name: `${name}/`, kind: "directory" });
    } else if (stat.isSymbolicLink()) {
      const linkName = await readlink(path).catch(ifGone);
      if (linkName !== undefined) yield encodeHeader({ ...common, name, kind: "symlink", linkName });
    } else if (stat.isFile()) {
      yield* packFile(path, (size) => encodeHeader({ ...common, name, kind: "file", size }));
    }
  }
  yield TAR_END;
}

async function* packFile(
  path: string,
  header: (size: number) => Uint8Array,
): AsyncGenerator<Uint8Array, void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(ifGone);
  if (file === undefined) return;
  try {
    const { size }: BigIntStats = await file.stat({ bigint: true });
    yield header(Number(size));
    for (let left = Number(size); left > 0; ) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, left));
      const { bytesRead } = await file.read(piece);
      const given = bytesRead === 0 ? piece : piece.subarray(0, bytesRead);
      left -= given.length;
      yield given;
    }
    yield padding(Number(size));
  } finally {
    await file.close();
  }
}

function ifGone(error: unknown): undefined {
  const { code } = error as { code?: string };
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
  throw error;
}
