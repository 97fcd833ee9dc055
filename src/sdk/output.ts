import { type OutputChunk, type OutputStream, STDERR, STDOUT } from "../lib/index.ts";

/** Bytes of one output that wait to be read, until both are held back. */
const HIGH_WATER_BYTES = 1 << 20;

/**
 * What a process prints. It is read once, in one way: as chunks in the order in which they came, each with the output
 * that it is of; as lines; as a whole; or as web streams.
 *
 * ```ts
 * for await (const { stream, bytes } of output) …
 * for await (const line of output.lines()) …
 * await output.stdout.pipeTo(writable);
 * ```
 */
export class ProcessOutput implements AsyncIterable<OutputChunk> {
  readonly #source: AsyncIterable<OutputChunk>;
  #split: SplitOutput | undefined;

  constructor(source: AsyncIterable<OutputChunk>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): AsyncIterator<OutputChunk> {
    return this.#source[Symbol.asyncIterator]();
  }

  /** Both outputs as one web stream, in the order in which they came. */
  get stream(): ReadableStream<Uint8Array> {
    return webStream(bytesOf(this.#source));
  }

  /**
   * Standard output as a web stream. What is printed to an output that nobody has asked for is passed over; where both are
   * asked for, at once, both have to be read, for one that is not read holds the other back.
   */
  get stdout(): ReadableStream<Uint8Array> {
    this.#split ??= new SplitOutput(this.#source);
    return this.#split.stream(STDOUT);
  }

  /** Standard error as a web stream; see `stdout`. */
  get stderr(): ReadableStream<Uint8Array> {
    this.#split ??= new SplitOutput(this.#source);
    return this.#split.stream(STDERR);
  }

  /** Lines of both outputs, without their ends. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    const open = new Map<OutputStream, { readonly decoder: TextDecoder; rest: string }>();
    for await (const { stream, bytes } of this.#source) {
      const state = open.get(stream) ?? { decoder: new TextDecoder(), rest: "" };
      open.set(stream, state);
      const lines = (state.rest + state.decoder.decode(bytes, { stream: true })).split("\n");
      state.rest = lines.pop()!;
      for (const line of lines) yield line.replace(/\r$/, "");
    }
    for (const { rest } of open.values()) if (rest !== "") yield rest;
  }

  /** All of it, both outputs, when it has ended. It is held in memory. */
  async text(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const { bytes } of this.#source) text += decoder.decode(bytes, { stream: true });
    return text + decoder.decode();
  }

  /** All of it, each output apart, when it has ended. It is held in memory. */
  async texts(): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const parts: Record<OutputStream, Uint8Array[]> = { [STDOUT]: [], [STDERR]: [] };
    for await (const { stream, bytes } of this.#source) parts[stream].push(bytes);
    return { stdout: decodeAll(parts[STDOUT]), stderr: decodeAll(parts[STDERR]) };
  }
}

function decodeAll(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
}

async function* bytesOf(source: AsyncIterable<OutputChunk>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { bytes } of source) yield bytes;
}

/** An iteration as a web stream: read as it is asked for, and left when the stream is cancelled. */
export function webStream<T>(source: AsyncIterable<T>): ReadableStream<T> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** Shares one source out among two streams. */
class SplitOutput {
  readonly #iterator: AsyncIterator<OutputChunk>;
  readonly #streams = new Map<OutputStream, ReadableStream<Uint8Array>>();
  readonly #controllers = new Map<OutputStream, Controller>();
  #pumping = false;
  #ended = false;

  constructor(source: AsyncIterable<OutputChunk>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  stream(which: OutputStream): ReadableStream<Uint8Array> {
    const known = this.#streams.get(which);
    if (known !== undefined) return known;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controllers.set(which, controller);
          if (this.#ended) controller.close();
        },
        pull: () => void this.#pump(),
        cancel: () => this.#leave(which),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_BYTES }),
    );
    this.#streams.set(which, stream);
    return stream;
  }

  /** Reads on while neither of the outputs has too much that waits. */
  async #pump(): Promise<void> {
    if (this.#pumping || this.#ended) return;
    this.#pumping = true;
    try {
      while ([...this.#controllers.values()].every(({ desiredSize }) => (desiredSize ?? 0) > 0)) {
        const next = await this.#iterator.next();
        if (this.#controllers.size === 0) return;
        if (next.done === true) return this.#finish((controller) => controller.close());
        this.#controllers.get(next.value.stream)?.enqueue(next.value.bytes);
      }
    } catch (error) {
      this.#finish((controller) => controller.error(error));
    } finally {
      this.#pumping = false;
    }
  }

  #finish(how: (controller: Controller) => void): void {
    this.#ended = true;
    for (const controller of this.#controllers.values()) how(controller);
    this.#controllers.clear();
  }

  async #leave(which: OutputStream): Promise<void> {
    this.#controllers.delete(which);
    if (this.#controllers.size > 0) return void this.#pump();
    this.#ended = true;
    await this.#iterator.return?.();
  }
}
