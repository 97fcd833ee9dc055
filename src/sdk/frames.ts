import { type OutputChunk, STDERR, STDOUT } from "../lib/index.ts";

/**
 * Docker's multiplexed stream (`application/vnd.docker.multiplexed-stream`): frames of an eight-byte header
 * (stream, three zero bytes, length as big-endian 32 bits) and the payload. Stream 3 carries an error text.
 */
const HEADER_BYTES = 8;
const SYSTEM_ERROR = 3;

/** Splits what arrives into runs of one stream each; neighbouring frames of a stream become one chunk. */
export class FrameDecoder {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #stream = STDOUT as number;
  #left = 0;
  #error = "";

  /** @throws where the bytes are no frames, and with the engine's own message for an error frame. */
  push(bytes: Uint8Array): OutputChunk[] {
    const runs = new Runs(bytes.length);
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        at = this.#readHeader(bytes, at);
        continue;
      }
      const end = Math.min(bytes.length, at + this.#left);
      this.#left -= end - at;
      if (this.#stream === SYSTEM_ERROR) this.#collectError(bytes.subarray(at, end));
      else runs.add(this.#stream === STDERR ? STDERR : STDOUT, bytes, at, end);
      at = end;
    }
    return runs.chunks();
  }

  #readHeader(bytes: Uint8Array, at: number): number {
    const wanted = HEADER_BYTES - this.#headerBytes;
    const part = bytes.subarray(at, at + wanted);
    this.#header.set(part, this.#headerBytes);
    this.#headerBytes += part.length;
    if (this.#headerBytes === HEADER_BYTES) {
      this.#headerBytes = 0;
      this.#stream = this.#header[0]!;
      if (this.#stream > SYSTEM_ERROR) throw new Error(`Unrecognized input header: ${this.#stream}`);
      this.#left = new DataView(this.#header.buffer).getUint32(4);
    }
    return at + part.length;
  }

  #collectError(bytes: Uint8Array): void {
    this.#error += new TextDecoder().decode(bytes);
    if (this.#left === 0) throw new Error(`error from daemon in stream: ${this.#error}`);
  }
}

/**
 * The runs in one piece of input. A single frame is passed on without a copy; many small ones (lines of a
 * log) are joined, since each chunk costs its consumer a system call.
 */
class Runs {
  readonly #size: number;
  readonly #found: OutputChunk[] = [];
  #stream: OutputChunk["stream"] = STDOUT;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add(stream: OutputChunk["stream"], bytes: Uint8Array, from: number, to: number): void {
    if (stream !== this.#stream) this.#flush();
    this.#stream = stream;
    this.#parts.push(bytes.subarray(from, to));
    this.#bytes += to - from;
  }

  chunks(): OutputChunk[] {
    this.#flush();
    return this.#found;
  }

  #flush(): void {
    if (this.#parts.length === 0) return;
    this.#found.push({ stream: this.#stream, bytes: this.#joined() });
    this.#parts = [];
    this.#bytes = 0;
  }

  #joined(): Uint8Array {
    if (this.#parts.length === 1) return this.#parts[0]!;
    const whole = new Uint8Array(Math.min(this.#bytes, this.#size));
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/** The output in a multiplexed stream. */
export async function* demultiplex(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk, void> {
  const decoder = new FrameDecoder();
  for await (const bytes of source) yield* decoder.push(bytes);
}

/** The output of a container with a tty, whose stream is not framed. */
export async function* asOutput(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk, void> {
  for await (const bytes of source) yield { stream: STDOUT, bytes };
}
