/** Bytes that may wait between whoever pushes and whoever reads. */
const WAITING_BYTES_MAX = 256 << 10;

/** Turns pushed bytes into a stream that is read, holding back the pusher while the reader is behind. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  /** The reader has had enough: what comes is dropped. */
  #isLeft = false;
  #failure: { readonly error: unknown } | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** Resolves when more may come. @throws what the reader failed with */
  push(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (bytes.length === 0 || this.#isLeft) return undefined;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#wakeReader?.();
    return this.#bytes < WAITING_BYTES_MAX ? undefined : this.#drained();
  }

  async #drained(): Promise<void> {
    while (this.#bytes >= WAITING_BYTES_MAX && this.#failure === undefined && !this.#isLeft) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** No more bytes come. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
  }

  /** Ends both sides: what waits is dropped, the reader and the pusher fail. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#chunks = [];
    this.#bytes = 0;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#read();
    } finally {
      this.#isLeft = true;
      this.#chunks = [];
      this.#wakeWriter?.();
    }
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        if (this.#bytes < WAITING_BYTES_MAX) this.#wakeWriter?.();
        yield chunk;
      } else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }
}
