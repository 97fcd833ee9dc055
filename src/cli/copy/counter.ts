import type { Cli } from "../cli.ts";
import { humanSize } from "../text/units.ts";

/** How often the amount is drawn. */
const DRAW_EVERY_MS = 75;

/** Shows on a terminal how much was copied. */
export class CopyCounter implements Disposable {
  bytes = 0;
  readonly #cli: Cli;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  constructor(cli: Cli, title: string, visible: boolean) {
    this.#cli = cli;
    if (!visible) return;
    let shown = -1;
    this.#timer = setInterval(() => {
      if (shown === this.bytes) return;
      shown = this.bytes;
      cli.output.warn(`\r\x1b[K${title} - ${humanSize(this.bytes, 3)}`);
    }, DRAW_EVERY_MS);
  }

  /** Passes the bytes on and counts them. */
  async *count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const bytes of source) {
      this.bytes += bytes.length;
      yield bytes;
    }
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#cli.output.warn("\r\x1b[K");
  }
}
