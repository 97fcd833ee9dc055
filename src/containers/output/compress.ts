/** Old segments as gzip, for the log option `compress`. */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { newId } from "../../lib/index.ts";
import type { Segment } from "./segment.ts";

/** gzip knows sizes up to 2^32. */
const LARGEST = 0xffff_ffff;

/**
 * Compresses a segment that is final, off the main thread. Where somebody wants to read it in the meantime it stays as it is.
 * @param isWanted Asked again at the end, since names may have changed and readers come.
 */
export async function compress(segment: Segment, isWanted: () => boolean): Promise<void> {
  const path = `${segment.log}.compressing`;
  const before = statSync(segment.path);
  if (before.size > LARGEST) return;
  try {
    await pipeline(
      createReadStream(segment.path),
      createGzip({ level: 6 }),
      createWriteStream(path, { mode: 0o600 }),
    );
    if (segment.isHeld || isWanted() || segment.replaced) return;
    // `since` skips segments by their time.
    utimesSync(path, before.atime, before.mtime);
    const plain = segment.path;
    if (statSync(plain, { throwIfNoEntry: false })?.ino !== before.ino) return;
    renameSync(path, `${plain}.gz`);
    rmSync(plain);
    segment.compressed = true;
  } finally {
    rmSync(path, { force: true });
  }
}

/** The content of a gzip, in a file without a name. @returns Its descriptor. */
export async function inflate(fd: number, prefix: string): Promise<number> {
  const path = `${prefix}-${newId().slice(0, 12)}`;
  const target = openSync(path, "wx+", 0o600);
  rmSync(path);
  try {
    const source = createReadStream("", { fd, start: 0, autoClose: false });
    await pipeline(source, createGunzip(), createWriteStream("", { fd: target, start: 0, autoClose: false }));
    return target;
  } catch (error) {
    closeSync(target);
    throw error;
  }
}
