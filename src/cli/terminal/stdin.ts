const PIECE_BYTES = 256 * 1024;
/** How long an empty pipe that somebody made non-blocking is left alone. */
const RETRY_MS = 5;

/** What arrives on standard input. A terminal that went away, or none at all, ends it. */
export async function* standardInput(): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const piece = await readPiece();
    if (piece.length === 0) return;
    yield piece;
  }
}

async function readPiece(): Promise<Uint8Array> {
  const buffer = new Uint8Array(PIECE_BYTES);
  for (;;) {
    try {
      return buffer.subarray(0, await readOnce(buffer));
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EIO" || code === "EOF" || code === "EBADF") return buffer.subarray(0, 0);
      if (code !== "EAGAIN") throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
}

async function readOnce(buffer: Uint8Array): Promise<number> {
  const { read } = await import("node:fs");
  return new Promise((resolve, reject) => {
    read(0, buffer, 0, buffer.length, null, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}
