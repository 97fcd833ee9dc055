import type { Connection } from "./connection.ts";
import { asOutput, demultiplex } from "./frames.ts";
import { ProcessOutput } from "./output.ts";

/** The streams of a container or an exec'd process, over a connection taken over from HTTP. */
export class AttachedStream implements Disposable {
  /** With a tty there is one output stream, stdout. */
  readonly tty: boolean;
  /** Ends when the process has ended and everything it printed was delivered, or after detaching. */
  readonly output: ProcessOutput;
  readonly #connection: Connection;

  constructor(connection: Connection, tty: boolean) {
    this.#connection = connection;
    this.tty = tty;
    const bytes = received(connection);
    this.output = new ProcessOutput(tty ? asOutput(bytes) : demultiplex(bytes));
  }

  /** Standard input as a web stream: closing it is the end of the input, aborting it leaves. */
  get stdin(): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      write: (bytes) => this.write(bytes),
      close: () => this.end(),
      abort: (reason) => this.close(reason),
    });
  }

  /** Sends bytes to standard input; resolves when they were taken. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#connection.write(bytes);
  }

  /** The process reads end-of-file; its output goes on. */
  end(): void {
    this.#connection.end();
  }

  /** Leaves; the process goes on. Whoever still reads fails with the reason. */
  close(reason?: unknown): void {
    this.#connection.close(reason);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

async function* received(connection: Connection): AsyncGenerator<Uint8Array, void> {
  for (let bytes = await connection.read(); bytes !== undefined; bytes = await connection.read()) yield bytes;
}
