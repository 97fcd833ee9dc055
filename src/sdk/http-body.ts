/** Takes a response's bytes as they arrive and gives its body, whatever the framing (RFC 9112, section 6). */
export interface BodyReader {
  /** Nothing more belongs to the body. */
  readonly done: boolean;
  /** Hands the body's parts in these bytes on; they share its memory. */
  push(bytes: Uint8Array, take: (part: Uint8Array) => void): void;
  /** The connection ended. @throws where the body is not whole. */
  end(): void;
}

/** Chooses by status and headers. */
export function bodyReader(method: string, status: number, headers: ReadonlyMap<string, string>): BodyReader {
  if (method === "HEAD" || status === 204 || status === 304) return new FixedBody(0);
  if (headers.get("transfer-encoding")?.toLowerCase().endsWith("chunked")) return new ChunkedBody();
  const length = Number(headers.get("content-length") ?? Number.NaN);
  return Number.isSafeInteger(length) && length >= 0 ? new FixedBody(length) : new EndlessBody();
}

class FixedBody implements BodyReader {
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  push(bytes: Uint8Array, take: (part: Uint8Array) => void): void {
    const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= part.length;
    if (part.length > 0) take(part);
  }

  end(): void {
    if (this.#left > 0) throw new Error("unexpected EOF");
  }
}

class EndlessBody implements BodyReader {
  readonly done = false;

  push(bytes: Uint8Array, take: (part: Uint8Array) => void): void {
    take(bytes);
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

  push(bytes: Uint8Array, take: (part: Uint8Array) => void): void {
    for (let at = 0; at < bytes.length && !this.done; ) {
      if (this.#state === "data") {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#state = "gap";
        take(part);
        continue;
      }
      const end = bytes.indexOf(10, at);
      this.#keep(bytes, at, end < 0 ? bytes.length : end);
      if (end < 0) return;
      at = end + 1;
      this.#endLine();
    }
  }

  end(): void {
    if (!this.done) throw new Error("unexpected EOF");
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    if (this.#line.length + to - from > LINE_BYTES_MAX) throw new Error("malformed chunked encoding");
    for (let at = from; at < to; at++) this.#line += String.fromCharCode(bytes[at]!);
  }

  #endLine(): void {
    const line = this.#line.trim();
    this.#line = "";
    if (this.#state === "gap") {
      if (line !== "") throw new Error("malformed chunked encoding");
      this.#state = "size";
    } else if (this.#state === "trailer") {
      if (line === "") this.done = true;
    } else {
      this.#left = chunkSize(line);
      this.#state = this.#left === 0 ? "trailer" : "data";
    }
  }
}

/** Hexadecimal digits, and extensions behind a semicolon that mean nothing here. */
function chunkSize(line: string): number {
  const semicolon = line.indexOf(";");
  const digits = (semicolon < 0 ? line : line.slice(0, semicolon)).trim();
  const size = Number(`0x${digits}`);
  if (digits === "" || digits.length > 13 || !Number.isSafeInteger(size))
    throw new Error("malformed chunked encoding");
  return size;
}
