import { open } from "node:fs/promises";
import { systemText } from "../options/environment.ts";

const PIECE_BYTES = 1 << 20;

/** A file's bytes. @throws `open x: no such file or directory` at the first piece. */
export async function* fileChunks(path: string): AsyncGenerator<Uint8Array, void> {
  const file = await open(path).catch((error: unknown) => {
    throw new Error(`open ${path}: ${systemText(error)}`, { cause: error });
  });
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(PIECE_BYTES), 0, PIECE_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Fails now rather than in the middle of a request. @throws as `fileChunks`. */
export async function checkReadable(path: string): Promise<void> {
  const file = await open(path).catch((error: unknown) => {
    throw new Error(`open ${path}: ${systemText(error)}`, { cause: error });
  });
  await file.close();
}
