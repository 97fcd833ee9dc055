import type { Writable } from "node:stream";
import type { OutputChunk } from "../../lib/index.ts";
import { ClientGone, drained } from "./writing.ts";

/** Content types of a stream that may carry standard output and error together. */
export const RAW_STREAM = "application/vnd.docker.raw-stream";
export const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";

/** Chunks up to this size are copied behind their header, so that one system call sends both. */
const COPY_LIMIT = 64 * 1024;

/** The stream's number, three zeros, the length in network order. */
const HEADER_LENGTH = 8;
const NEWLINE = 10;

/**
 * Writes a chunk behind Docker's header of eight bytes.
 * @throws ClientGone
 */
export function sendFrame(target: Writable, chunk: OutputChunk): Promise<void> | undefined {
  if (target.destroyed) throw new ClientGone();
  const { bytes } = chunk;
  const copied = bytes.length <= COPY_LIMIT;
  const frame = Buffer.allocUnsafe(copied ? HEADER_LENGTH + bytes.length : HEADER_LENGTH);
  writeHeader(frame, 0, chunk.stream, bytes.length);
  if (copied) {
    frame.set(bytes, HEADER_LENGTH);
    return target.write(frame) ? undefined : drained(target);
  }
  target.write(frame);
  return target.write(bytes) ? undefined : drained(target);
}

/**
 * Writes each line of a chunk as a frame of its own, all at once. Docker's log drivers keep lines, so its `logs` sends one in
 * each frame, and there are clients that take the frames for the lines.
 * @throws ClientGone
 */
export function sendLines(target: Writable, chunk: OutputChunk): Promise<void> | undefined {
  if (target.destroyed) throw new ClientGone();
  return target.write(linesInFrames(chunk)) ? undefined : drained(target);
}

function linesInFrames({ stream, bytes }: OutputChunk): Buffer {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames = Buffer.allocUnsafe(text.length + countLines(text) * HEADER_LENGTH);
  let write = 0;
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf(NEWLINE, from);
    const to = newline < 0 ? text.length : newline + 1;
    writeHeader(frames, write, stream, to - from);
    write += HEADER_LENGTH;
    write += text.copy(frames, write, from, to);
    from = to;
  }
  return frames;
}

function countLines(text: Buffer): number {
  let lines = 0;
  for (let from = 0; from < text.length; lines++) {
    const newline = text.indexOf(NEWLINE, from);
    from = newline < 0 ? text.length : newline + 1;
  }
  return lines;
}

function writeHeader(frame: Buffer, at: number, stream: number, length: number): void {
  frame.writeUInt32BE(stream << 24, at);
  frame.writeUInt32BE(length, at + 4);
}
