/** Takes a response's bytes as they arrive and gives its body, whatever the framing (RFC 9112, section 6). */
export interface BodyReader {
  /** Nothing more belongs to the body. */
  readonly done: boolean;
  /** The body's parts in these bytes; they share its memory. */
  push(bytes: Uint8Array): Iterable<Uint8Array>;
  /** The connection ended. @throws where the body is not whole. */
  end(): void;
}

/** Chooses by status and headers. */
export function bodyReader(method: string, status: number, headers: ReadonlyMap<string, string>): BodyReader {
  if (method === "HEAD" || status === 204 || status === 304) return new FixedBody(0);
  if (/\bchunked\b/i.test(headers.get("transfer-encoding") ?? "")) return new ChunkedBody();
  const length = headers.get("content-length");
  if (length !== undefined && /^\d+$/.test(length)) return new FixedBody(Number(length));
  return new EndlessBody();
}

class FixedBody implements BodyReader {
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  *push(bytes: Uint8Array): Iterable<Uint8Array> {
    const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= part.length;
    if (part.length > 0) yield part;
  }

  end(): void {
    if (this.#left > 0) throw new Error("unexpected EOF");
  }
}

class EndlessBody implements BodyReader {
  readonly done = false;

  *push(bytes: Uint8Array): Iterable<Uint8Array> {
    yield bytes;
  }

  end(): void {}
}

/** Chunk sizes and trailers are tiny; more than this is no chunked body. */
const LINE_BYTES_MAX = 16 * 1024;

class ChunkedBody implements BodyReader {
  done = false;
  /** Bytes of the present chunk that are still to come. */
  #left = 0;
  /** `size` → `data` → `gap` (the line end behind it) → `size` … `trailer`. */
  #state: "size" | "data" | "gap" | "trailer" = "size";
  #line = "";

  *push(bytes: Uint8Array): Iterable<Uint8Array> {
    for (let at = 0; at < bytes.length && !this.done; ) {
      if (this.#state === "data") {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#state = "gap";
        yield part;
        continue;
      }
      const end = bytes.indexOf(10, at);
      this.#keep(bytes.subarray(at, end < 0 ? bytes.length : end));
      if (end < 0) return;
      at = end + 1;
      this.#endLine();
    }
  }

  end(): void {
    if (!this.done) throw new Error("unexpected EOF");
  }

  #keep(bytes: Uint8Array): void {
    if (this.#line.length + bytes.length > LINE_BYTES_MAX) throw new Error("malformed chunked encoding");
    for (const byte of bytes) this.#line += String.fromCharCode(byte);
  }

  #endLine(): void {
    const line = this.#line.replace(/\r$/, "");
    this.#line = "";
    if (this.#state === "gap") {
      if (line !== "") throw new Error("malformed chunked encoding");
      this.#state = "size";
    } else if (this.#state === "trailer") {
      if (line === "") this.done = true;
    } else {
      const size = /^([0-9a-fA-F]{1,13})\s*(?:;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw new Error("malformed chunked encoding");
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? "trailer" : "data";
    }
  }
}
