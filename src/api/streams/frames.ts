import type { Writable } from "node:stream";
import type { OutputChunk } from "../../lib/index.ts";
import { ClientGone, drained } from "./writing.ts";

/** Content types of a stream that may carry standard output and error together. */
export const RAW_STREAM = "application/vnd.docker.raw-stream";
export const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";

/** Chunks up to this size are copied behind their header, so that one system call sends both. */
const COPY_LIMIT = 64 * 1024;

/**
 * Writes a chunk behind Docker's header of eight bytes: the stream's number, three zeros, the length in
 * network order.
 * @throws ClientGone
 */
export function sendFrame(target: Writable, chunk: OutputChunk): Promise<void> | undefined {
  if (target.destroyed) throw new ClientGone();
  const { bytes } = chunk;
  const copied = bytes.length <= COPY_LIMIT;
  const frame = Buffer.allocUnsafe(copied ? 8 + bytes.length : 8);
  frame.writeUInt32BE(chunk.stream << 24, 0);
  frame.writeUInt32BE(bytes.length, 4);
  if (copied) {
    frame.set(bytes, 8);
    return target.write(frame) ? undefined : drained(target);
  }
  target.write(frame);
  return target.write(bytes) ? undefined : drained(target);
}
