const LINE_FEED = 10;
/** A line longer than this is passed on in pieces: a container may print without ever ending a line. */
const LONGEST_LINE = 1024 * 1024;

/** Cuts a stream of bytes into lines, without their ends. */
export class LineSplitter {
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  /** The lines that these bytes complete. */
  push(bytes: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = [];
    let from = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
      lines.push(this.#join(bytes.subarray(from, at)));
      from = at + 1;
    }
    this.#keep(bytes.subarray(from));
    if (this.#restBytes > LONGEST_LINE) lines.push(this.#join(new Uint8Array(0)));
    return lines;
  }

  /** What was printed behind the last line's end; nothing more comes. */
  end(): Uint8Array[] {
    return this.#restBytes === 0 ? [] : [this.#join(new Uint8Array(0))];
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }

  #join(last: Uint8Array): Uint8Array {
    if (this.#restBytes === 0) return last;
    const line = Buffer.concat([...this.#rest, last]);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }
}
