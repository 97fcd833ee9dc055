import { ftruncate, read, write, writeSync } from "node:fs";
import { rawSyscall } from "../libc.ts";

/** Writes up to this size are done at once: they only fill the page cache. */
const SMALL_BYTES = 256 * 1024;

/** Reads into the buffer at the file's own position; 0 at its end. */
export function readInto(fd: number, into: Uint8Array, offset: number | null = null): Promise<number> {
  return new Promise((resolve, reject) =>
    read(fd, into, 0, into.length, offset, (error, count) => (error ? reject(error) : resolve(count))),
  );
}

/** Writes all of the bytes at a place in the file. */
export async function writeAt(fd: number, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const rest = bytes.subarray(done);
    const isSmall = rest.length <= SMALL_BYTES;
    done += isSmall
      ? writeSync(fd, rest, 0, rest.length, offset + done)
      : await writeLarge(fd, rest, offset + done);
  }
}

function writeLarge(fd: number, bytes: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) =>
    write(fd, bytes, 0, bytes.length, offset, (error, count) => (error ? reject(error) : resolve(count))),
  );
}

/** Cuts or extends a file, with a hole, to a length. */
export function setLength(fd: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) =>
    ftruncate(fd, bytes, (error) => (error ? reject(error) : resolve())),
  );
}

const lseek = rawSyscall(["i32", "i64", "i32"]);
const SYS_lseek = process.arch === "arm64" ? 62 : 8;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** The file's next stretch of data at or after a place; undefined where only a hole is left. Moves the position. */
export function nextData(
  fd: number,
  from: number,
  size: number,
): { offset: number; length: number } | undefined {
  const offset = Number(lseek(SYS_lseek, fd, BigInt(from), SEEK_DATA));
  if (offset < 0 || offset >= size) return undefined;
  const hole = Number(lseek(SYS_lseek, fd, BigInt(offset), SEEK_HOLE));
  const end = hole < 0 ? size : Math.min(hole, size);
  return { offset, length: end - offset };
}
