import { read } from "node:fs";
import { promisify } from "node:util";
import { conflict, invalidParameter } from "../lib/index.ts";
import { closeDescriptor, openOffered } from "../linux/index.ts";

const PIECE_BYTES = 1 << 20;
/**
 * Memory that is filled again and again costs no fresh pages. A piece holds until so many more have come: longer than the largest
 * file of an archive that is gathered in memory (8 MiB) takes, and than a write to the disk is behind.
 */
const PIECES = 12;
const readAt = promisify(read);

/**
 * A file that a client on this machine has open, in place of a request's body (`X-Berth-Body-Fd: descriptor:device:inode`): it
 * need not go through a socket. To be read, once.
 * @throws InvalidParameter; Conflict where nobody who is connected has it open: then the client sends its bytes
 */
export function openOfferedFile(offer: string): AsyncIterable<Uint8Array> {
  const [, descriptor, device = "", inode = ""] = /^(\d{1,9}):(\d{1,20}):(\d{1,20})$/.exec(offer) ?? [];
  if (descriptor === undefined) throw invalidParameter("malformed X-Berth-Body-Fd");
  const offered = { descriptor: Number(descriptor), device: BigInt(device), inode: BigInt(inode) };
  const fd = openOffered(offered, "file");
  if (fd === undefined) throw conflict("the file is not open on the engine's machine");
  return pieces(fd);
}

/** The next is read meanwhile. */
async function* pieces(fd: number): AsyncGenerator<Uint8Array, void, undefined> {
  const ring: Buffer[] = [];
  const next = (at: number) => {
    const buffer = ring.length < PIECES ? Buffer.allocUnsafeSlow(PIECE_BYTES) : ring.shift()!;
    ring.push(buffer);
    return readAt(fd, buffer, 0, PIECE_BYTES, at);
  };
  let reading = next(0);
  try {
    for (let at = 0; ; ) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) return;
      at += bytesRead;
      reading = next(at);
      // Told when it is asked for.
      reading.catch(() => {});
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await reading.catch(() => {});
    closeDescriptor(fd);
  }
}
