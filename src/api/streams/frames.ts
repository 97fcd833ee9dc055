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
/** A tenth of what the deepest-going client stands. */
const LINES_A_PIECE = 512;

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
 * Writes each line of a chunk as a frame of its own. Docker's log drivers keep lines, so its `logs` sends one in each frame, and
 * there are clients that take the frames for the lines. Others go one call deeper for each frame that came in the same piece
 * (docker-modem's `demuxStream`), so that not too many go in one.
 * @throws ClientGone
 */
export function sendLines(target: Writable, chunk: OutputChunk): Promise<void> | undefined {
  if (target.destroyed) throw new ClientGone();
  let flowing = true;
  for (const frames of linesInFrames(chunk)) flowing = target.write(frames);
  return flowing ? undefined : drained(target);
}

/** Each a piece of up to `LINES_A_PIECE` lines behind their headers. */
export function* linesInFrames({ stream, bytes }: OutputChunk): Generator<Buffer> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let start = 0; start < text.length; ) {
    const { end, lines } = nextLines(text, start);
    const frames = Buffer.allocUnsafe(end - start + lines * HEADER_LENGTH);
    let write = 0;
    for (let from = start; from < end; ) {
      const to = lineEnd(text, from);
      writeHeader(frames, write, stream, to - from);
      write += HEADER_LENGTH;
      write += text.copy(frames, write, from, to);
      from = to;
    }
    yield frames;
    start = end;
  }
}

function nextLines(text: Buffer, start: number): { end: number; lines: number } {
  let lines = 0;
  let end = start;
  for (; end < text.length && lines < LINES_A_PIECE; lines++) end = lineEnd(text, end);
  return { end, lines };
}

/** Behind the newline, or the text's end. */
function lineEnd(text: Buffer, from: number): number {
  const newline = text.indexOf(NEWLINE, from);
  return newline < 0 ? text.length : newline + 1;
}

function writeHeader(frame: Buffer, at: number, stream: number, length: number): void {
  frame.writeUInt32BE(stream << 24, at);
  frame.writeUInt32BE(length, at + 4);
}
