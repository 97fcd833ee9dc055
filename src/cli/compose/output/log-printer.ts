import { type OutputChunk, STDERR } from "../../../lib/index.ts";
import type { LineWriter } from "./line-writer.ts";
import { LineSplitter } from "./lines.ts";
import type { Prefixes } from "./prefixes.ts";

export interface LogPrinterOptions {
  readonly prefixes: Prefixes;
  readonly writer: LineWriter;
  /** Say when each line came. */
  readonly timestamps?: boolean;
  /** What containers print to stderr goes to ours; else all of it to stdout. */
  readonly split?: boolean;
}

const ENCODER = new TextEncoder();
const LINE_END = Uint8Array.of(10);

/** Prints what many containers print, whole lines at a time, each with the name of its container. */
export class LogPrinter {
  readonly #options: LogPrinterOptions;

  constructor(options: LogPrinterOptions) {
    this.#options = options;
  }

  /** Names in the order in which they get their colours. */
  register(names: readonly string[]): void {
    for (const name of names) this.#options.prefixes.register(name);
  }

  /** Prints a container's output to its end. Slow readers slow it down. */
  async print(name: string, output: AsyncIterable<OutputChunk>): Promise<void> {
    this.register([name]);
    const splitters = { 1: new LineSplitter(), 2: new LineSplitter() };
    try {
      for await (const { stream, bytes } of output) {
        const descriptor = stream === STDERR ? 2 : 1;
        await this.lines(name, descriptor, splitters[descriptor].push(bytes));
      }
    } finally {
      for (const descriptor of [1, 2] as const)
        await this.lines(name, descriptor, splitters[descriptor].end());
    }
  }

  /** A word about a container: `web-1 exited with code 0`. */
  async status(name: string, text: string): Promise<void> {
    const line = this.#options.prefixes.paint(name, `${name} ${text}`);
    await this.#options.writer.write(1, ENCODER.encode(`${line}\n`));
  }

  /** Prints lines of a container, which have no ends. */
  async lines(name: string, descriptor: 1 | 2, lines: readonly Uint8Array[]): Promise<void> {
    if (lines.length === 0) return;
    const { prefixes, writer, timestamps = false, split = false } = this.#options;
    const to = split ? descriptor : 1;
    const time = timestamps ? `${new Date().toISOString().replace("Z", "000000Z")} ` : "";
    const head = ENCODER.encode(prefixes.of(name, to) + time);
    await writer.write(to, Buffer.concat(lines.flatMap((line) => [head, line, LINE_END])));
  }
}
