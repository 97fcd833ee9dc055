import { type FileHandle, open } from "node:fs/promises";
import type { CopiedChunk } from "./chunks.ts";
import { SUPERBLOCK_AT } from "./format.ts";
import type { ErofsImage } from "./image.ts";

/**
 * Before its superblock an EROFS image has 1,024 bytes that mean nothing to the kernel. There the file says what it is:
 * this line, its own length and the tar's, so that one that was cut short, or is of another version, is not mounted.
 */
const MAGIC = "berth layer index, version 1\n";

/** Writes an index to a new file. `tarPath` is where chunks are copied from. */
export async function writeIndex(
  path: string,
  image: ErofsImage,
  tarPath: string,
  tarBytes: number,
): Promise<void> {
  const { bytes, sizeBytes, copies } = image;
  bytes.set(headerOf(sizeBytes, tarBytes), 0);
  await using file = await open(path, "wx", 0o600);
  for (let at = 0; at < bytes.length; )
    at += (await file.write(bytes, at, bytes.length - at, at)).bytesWritten;
  if (copies.length > 0) await copyChunks(file, copies, tarPath);
  await file.truncate(sizeBytes);
}

/** Makes an index that was written durable. */
export async function syncIndex(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.datasync();
}

function headerOf(sizeBytes: number, tarBytes: number): Buffer {
  return Buffer.from(`${MAGIC}${sizeBytes} ${tarBytes}\n`, "latin1");
}

/** Chunks are where they are in the image; between their pieces the file stays a hole. */
async function copyChunks(file: FileHandle, copies: readonly CopiedChunk[], tarPath: string): Promise<void> {
  await using tar = await open(tarPath, "r");
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (const { blockAddress, pieces } of copies) {
    for (const { tarOffset, at, length } of pieces) {
      for (let done = 0; done < length; ) {
        const wanted = Math.min(buffer.length, length - done);
        const { bytesRead } = await tar.read(buffer, 0, wanted, tarOffset + done);
        if (bytesRead === 0) throw new Error(`${tarPath} is shorter than its index`);
        await file.write(buffer, 0, bytesRead, blockAddress * 512 + at + done);
        done += bytesRead;
      }
    }
  }
}

/** Whether a file is a whole index of this version over a tar that is whole, too. */
export async function isWholeIndex(path: string, tarPath: string): Promise<boolean> {
  try {
    await using index = await open(path, "r");
    await using tar = await open(tarPath, "r");
    const [indexStat, tarStat] = await Promise.all([index.stat(), tar.stat()]);
    const head = Buffer.alloc(SUPERBLOCK_AT);
    await index.read(head, 0, head.length, 0);
    const expected = headerOf(indexStat.size, tarStat.size);
    return head.subarray(0, expected.length).equals(expected);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
