import { type FileHandle, open } from "node:fs/promises";
import type { OfferedFile } from "../../sdk/index.ts";
import { systemText } from "../options/environment.ts";

const PIECE_BYTES = 1 << 20;

/**
 * A file's bytes.
 * @param reuse each piece holds only until the next is asked for: what a request sends is in the kernel by then
 * @throws `open x: no such file or directory` at the first piece.
 */
export async function* fileChunks(
  path: string,
  { reuse = false }: { reuse?: boolean } = {},
): AsyncGenerator<Uint8Array, void> {
  const file = await open(path).catch((error: unknown) => {
    throw new Error(`open ${path}: ${systemText(error)}`, { cause: error });
  });
  yield* chunksOf(file, reuse);
}

async function* chunksOf(file: FileHandle, reuse: boolean): AsyncGenerator<Uint8Array, void> {
  try {
    let piece: Uint8Array | undefined;
    for (;;) {
      if (piece === undefined || !reuse) piece = new Uint8Array(PIECE_BYTES);
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, null);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * A file as a request's body, which an engine on this machine may read itself. Closed when its bytes were read, and with the
 * process.
 * @throws as `fileChunks`, at once
 */
export async function offeredFile(path: string): Promise<OfferedFile | AsyncIterable<Uint8Array>> {
  const file = await open(path).catch((error: unknown) => {
    throw new Error(`open ${path}: ${systemText(error)}`, { cause: error });
  });
  const stat = await file.stat({ bigint: true });
  if (!stat.isFile()) {
    await file.close();
    return fileChunks(path, { reuse: true });
  }
  return {
    offer: `${file.fd}:${stat.dev}:${stat.ino}`,
    [Symbol.asyncIterator]: () => chunksOf(file, true),
  };
}

/** Fails now rather than in the middle of a request. @throws as `fileChunks`. */
export async function checkReadable(path: string): Promise<void> {
  const file = await open(path).catch((error: unknown) => {
    throw new Error(`open ${path}: ${systemText(error)}`, { cause: error });
  });
  await file.close();
}
