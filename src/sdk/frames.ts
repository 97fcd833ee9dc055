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
    const runs = new Runs(bytes);
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        at = this.#readHeader(bytes, at);
        continue;
      }
      const end = Math.min(bytes.length, at + this.#left);
      this.#left -= end - at;
      if (this.#stream === SYSTEM_ERROR) this.#collectError(bytes.subarray(at, end));
      else runs.add(this.#stream === STDERR ? STDERR : STDOUT, at, end);
      at = end;
    }
    return runs.chunks();
  }

  #readHeader(bytes: Uint8Array, at: number): number {
    if (this.#headerBytes === 0 && bytes.length - at >= HEADER_BYTES) {
      this.#begin(bytes, at);
      return at + HEADER_BYTES;
    }
    const wanted = HEADER_BYTES - this.#headerBytes;
    const part = bytes.subarray(at, at + wanted);
    this.#header.set(part, this.#headerBytes);
    this.#headerBytes += part.length;
    if (this.#headerBytes === HEADER_BYTES) {
      this.#headerBytes = 0;
      this.#begin(this.#header, 0);
    }
    return at + part.length;
  }

  #begin(header: Uint8Array, at: number): void {
    this.#stream = header[at]!;
    if (this.#stream > SYSTEM_ERROR) throw new Error(`Unrecognized input header: ${this.#stream}`);
    const [a, b, c, d] = [header[at + 4]!, header[at + 5]!, header[at + 6]!, header[at + 7]!];
    this.#left = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
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
  readonly #input: Buffer;
  readonly #found: OutputChunk[] = [];
  #stream: OutputChunk["stream"] = STDOUT;
  /** Where the frames of the run that is being gathered begin and end, in turn. */
  #bounds: number[] = [];
  #bytes = 0;

  constructor(input: Uint8Array) {
    this.#input = Buffer.from(input.buffer, input.byteOffset, input.length);
  }

  add(stream: OutputChunk["stream"], from: number, to: number): void {
    if (stream !== this.#stream) this.#flush();
    this.#stream = stream;
    this.#bounds.push(from, to);
    this.#bytes += to - from;
  }

  chunks(): OutputChunk[] {
    this.#flush();
    return this.#found;
  }

  #flush(): void {
    if (this.#bounds.length === 0) return;
    this.#found.push({ stream: this.#stream, bytes: this.#joined() });
    this.#bounds = [];
    this.#bytes = 0;
  }

  #joined(): Uint8Array {
    const bounds = this.#bounds;
    if (bounds.length === 2) return this.#input.subarray(bounds[0], bounds[1]);
    const whole = Buffer.allocUnsafe(this.#bytes);
    let at = 0;
    for (let frame = 0; frame < bounds.length; frame += 2) {
      at += this.#input.copy(whole, at, bounds[frame], bounds[frame + 1]);
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
