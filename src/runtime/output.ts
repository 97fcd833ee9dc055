import type { OutputChunk, OutputStream } from "../lib/index.ts";

/** A stream of a process, and which of its outputs that is. */
export interface OutputSource {
  readonly stream: OutputStream;
  readonly bytes: ReadableStream<Uint8Array>;
  /** Gives back what the stream was made from; called once, when nobody reads it any more. */
  readonly close: () => void;
}

/** Once the process has ended, what it wrote is in the pipe: silence this long means that it was all. */
const DRAIN_SILENCE_MS = 100;

interface OpenSource {
  readonly stream: OutputStream;
  readonly reader: { read(): Promise<{ value?: Uint8Array }>; cancel(): Promise<void> };
  readonly close: () => void;
}

/** One chunk of a source that nobody has taken yet: the source is read again when it is. */
interface Arrival {
  readonly from: OpenSource;
  readonly bytes: Uint8Array;
}

/**
 * Joins a process's outputs in the order in which they arrive. A stream is read only when its last chunk was taken, so that
 * the pipe fills and slows the process down to the reader's speed.
 *
 * To be made as soon as the process is: Bun collects all that a pipe brings until it is read for the first time, and
 * keeps back from then on.
 */
export class MergedOutput {
  readonly #sources: readonly OpenSource[];
  readonly #arrived: Arrival[] = [];
  #open: number;
  #processEnded = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor(sources: readonly OutputSource[]) {
    this.#sources = sources.map(
      ({ stream, bytes, close }): OpenSource => ({ stream, reader: bytes.getReader(), close }),
    );
    this.#open = this.#sources.length;
    for (const source of this.#sources) void this.#read(source);
  }

  /** The process has ended: nothing is written any more but by children of it. */
  processEnded(): void {
    this.#processEnded = true;
    this.#wake();
  }

  /**
   * The chunks, once. Ends when all streams have; or, since children of the process may hold them open for ever, when the
   * process has ended and nothing more comes. Whoever stops early lets go of the streams.
   */
  async *chunks(): AsyncGenerator<OutputChunk, void, undefined> {
    try {
      while (!this.#closed) {
        const next = this.#arrived.shift();
        if (next) {
          yield { stream: next.from.stream, bytes: next.bytes };
          void this.#read(next.from);
        } else if (this.#open === 0 || !(await this.#somethingNew())) return;
      }
    } finally {
      await this.close();
    }
  }

  /** Lets go of the streams: whoever writes to them from now on gets a broken pipe. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    await Promise.all(
      this.#sources.map(async ({ reader, close }) => {
        await reader.cancel().catch(() => {});
        close();
      }),
    );
  }

  async #read(from: OpenSource): Promise<void> {
    // A stream that breaks has ended.
    const { value } = await from.reader.read().catch(() => ({ value: undefined }));
    if (value === undefined) this.#open--;
    else this.#arrived.push({ from, bytes: value });
    this.#wake();
  }

  /**
   * Waits for a chunk, the end of a stream, or the end of the process. Not by Promise.race: a promise that is raced again and again keeps what
   * every race brought.
   * @returns false where the process had ended before and all is silent
   */
  async #somethingNew(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#processEnded ? setTimeout(resolve, DRAIN_SILENCE_MS, false) : undefined;
    this.#wake = () => resolve(true);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#wake = () => {};
    }
  }
}
