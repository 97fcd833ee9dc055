import { type OutputChunk, type OutputStream, STDERR, STDOUT } from "../lib/index.ts";

/** A stream of a process, and which of its outputs that is. */
export interface OutputSource {
  readonly stream: OutputStream;
  readonly bytes: ReadableStream<Uint8Array>;
}

/** Once the process has ended, what it wrote is in the pipe: silence this long means that it was all. */
const DRAIN_SILENCE_MS = 100;

interface Read {
  readonly from: OpenSource;
  readonly chunk: Uint8Array | undefined;
}

interface OpenSource {
  readonly stream: OutputStream;
  readonly reader: { read(): Promise<{ value?: Uint8Array }>; cancel(): Promise<void> };
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
  readonly #pending: Map<OpenSource, Promise<Read>>;
  #closed = false;

  constructor(sources: readonly OutputSource[]) {
    this.#sources = sources.map(({ stream, bytes }): OpenSource => ({ stream, reader: bytes.getReader() }));
    this.#pending = new Map(this.#sources.map((from) => [from, read(from)]));
  }

  /**
   * The chunks, once. Ends when all streams have; or, since children of the process may hold them open for ever, when the
   * process has ended and nothing more comes. Whoever stops early lets go of the streams.
   */
  async *chunks(exited: Promise<unknown>): AsyncGenerator<OutputChunk, void, undefined> {
    let ended = false;
    const end = exited.then(() => {
      ended = true;
      return undefined;
    });
    try {
      while (this.#pending.size > 0 && !this.#closed) {
        const silence = ended ? quiet() : undefined;
        const next = await Promise.race([...this.#pending.values(), silence?.promise ?? end]);
        silence?.cancel();
        if (next === undefined && silence) return;
        if (next === undefined) continue;
        this.#pending.delete(next.from);
        if (next.chunk === undefined) continue;
        yield { stream: next.from.stream, bytes: next.chunk };
        this.#pending.set(next.from, read(next.from));
      }
    } finally {
      await this.close();
    }
  }

  /** Lets go of the streams: whoever writes to them from now on gets a broken pipe. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#sources.map(({ reader }) => reader.cancel().catch(() => {})));
  }
}

/** A stream that breaks has ended. */
async function read(from: OpenSource): Promise<Read> {
  const { value } = await from.reader.read().catch(() => ({ value: undefined }));
  return { from, chunk: value };
}

function quiet(): { promise: Promise<undefined>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, DRAIN_SILENCE_MS, undefined);
  return { promise, cancel: () => clearTimeout(timer) };
}

/** Those of a child's outputs that are pipes. */
export function pipedSources(child: Bun.Subprocess): OutputSource[] {
  const sources: OutputSource[] = [];
  if (child.stdout instanceof ReadableStream) sources.push({ stream: STDOUT, bytes: child.stdout });
  if (child.stderr instanceof ReadableStream) sources.push({ stream: STDERR, bytes: child.stderr });
  return sources;
}
