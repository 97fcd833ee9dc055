import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes an archive to a file, which appears only when it is whole; an existing one that is no plain file (a device, a
 * pipe) is written in place.
 */
export async function saveFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  if ((await statOf(dirname(path))) === undefined) {
    throw new Error(
      `failed to write output: invalid output path: directory ${JSON.stringify(dirname(path))} does not exist`,
    );
  }
  const present = await statOf(path);
  const inPlace = present !== undefined && !present.isFile();
  const written = inPlace ? path : `${path}.berth-${process.pid}`;
  const file = await open(written, "w", inPlace ? 0o644 : 0o600);
  try {
    for await (const chunk of bytes) await file.writeFile(chunk);
  } catch (error) {
    if (!inPlace) await rm(written, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  if (!inPlace) await rename(written, path);
}

function statOf(path: string) {
  return stat(path).catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
