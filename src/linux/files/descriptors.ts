import { close, readSync } from "node:fs";
import { invalidParameter } from "../../lib/index.ts";
import { O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK, O_PATH } from "../constants.ts";
import { check, libc, showPath } from "../libc.ts";
import { cString, type Path } from "../paths.ts";
import { statDescriptor } from "./file-stat.ts";

/** Closes a descriptor. The kernel frees it whatever `close(2)` answers, so there is nothing to do about an error. */
export function closeDescriptor(fd: number): void {
  libc.close(fd);
}

/** A descriptor and the duty to close it. */
export class OwnedDescriptor implements Disposable {
  readonly fd: number;
  #closed = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Idempotent: by the second time the number may mean somebody else's file. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeDescriptor(this.fd);
  }

  /**
   * The same in the thread pool: to close what was deleted while it was open is to delete it, for which a busy disk may need tens
   * of milliseconds. Never rejects.
   */
  closeInBackground(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => close(this.fd, () => resolve()));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A path that leads to the very file that a descriptor of this process holds, wherever it is by now. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * Opens the regular file that an O_PATH descriptor holds. Opening a device or a pipe that somebody else put there
 * could block for ever or move hardware, hence the look before.
 * @throws InvalidParameter where it is anything but a regular file.
 */
export function reopenRegular(handle: number, flags: number, shown: Path): number {
  const { kind } = statDescriptor(handle);
  if (kind !== "file") throw invalidParameter(`${showPath(shown)} is not a regular file but a ${kind}`);
  const path = cString(descriptorPath(handle));
  return check("open", libc.open(path, (flags & ~(O_PATH | O_NOFOLLOW)) | O_CLOEXEC | O_NONBLOCK, 0), shown);
}

const SMALLEST_BUFFER = 4096;

/**
 * Reads an open file to its end, which may lie beyond what `stat` said (files of /proc have size 0).
 * @throws InvalidParameter where it holds more than `maxBytes`.
 */
export function readAll(fd: number, maxBytes: number, shown: Path): Uint8Array {
  const expected = Math.min(Math.max(statDescriptor(fd).size, SMALLEST_BUFFER), maxBytes);
  let bytes = Buffer.allocUnsafe(expected + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > maxBytes) throw invalidParameter(`${showPath(shown)} is larger than ${maxBytes} bytes`);
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(length * 2, maxBytes + 1));
  }
}
