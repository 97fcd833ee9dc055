import { ExitError } from "../errors.ts";

/** Small writes in a row are joined up to this size. */
const JOIN_BYTES = 256 * 1024;
/** What a shell reports of a program that wrote to a pipe that nobody reads: 128 + SIGPIPE. */
const NOBODY_READS = 141;
/** How long a full pipe that somebody made non-blocking is given to empty. */
const RETRY_MS = 2;

/**
 * Writes to a descriptor without blocking the process and without changing the descriptor's flags, which it
 * may share with others (see `output.ts`). One write is under way at a time; what comes meanwhile is joined.
 */
export class Sink {
  readonly #descriptor: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Resolves when there is room for more: at once, unless the reader is slower than the writer. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#running ??= this.#drain();
    if (this.#pendingBytes >= JOIN_BYTES) await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #drain(): Promise<void> {
    try {
      // Chunks that arrive in the same turn of the event loop go out together.
      await Promise.resolve();
      while (this.#pending.length > 0) {
        const bytes = this.#take();
        await writeAll(this.#descriptor, bytes);
      }
    } catch (error) {
      this.#failure = error;
      this.#pending = [];
      this.#pendingBytes = 0;
    } finally {
      this.#running = undefined;
    }
  }

  #take(): Uint8Array {
    const parts = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

/** Writes all chunks of a source to a descriptor. */
export async function writeChunks(descriptor: number, source: AsyncIterable<Uint8Array>): Promise<void> {
  const sink = new Sink(descriptor);
  for await (const chunk of source) await sink.write(chunk);
  await sink.flush();
}

async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += await writeOnce(descriptor, bytes, at);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE") throw new ExitError(NOBODY_READS, "", { cause: error });
      if (code !== "EAGAIN") throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
}

async function writeOnce(descriptor: number, bytes: Uint8Array, at: number): Promise<number> {
  // Loaded when something comes, which is while a container starts and not before: it takes a millisecond.
  const { write } = await import("node:fs");
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, at, bytes.length - at, null, (error, written) => {
      if (error) reject(error);
      else resolve(written);
    });
  });
}
