import type { OutputStream } from "../../../lib/index.ts";
import type { Instant } from "../record-time.ts";

/** What is forwarded: one line without its end, or a part of one that is longer than 16 KiB. */
export interface LogLine {
  readonly stream: OutputStream;
  readonly time: Instant;
  readonly text: Uint8Array;
  /** Of a line in parts. */
  readonly partial?: { readonly id: string; readonly ordinal: number; readonly last: boolean };
}

/** Where a log driver sends lines to. Calls come one at a time. */
export interface Sink {
  /** Makes the connection, unless it is there. @throws where nobody answers */
  connect(): Promise<void>;
  /** Resolves when the lines were handed over. @throws where they were not, or not all: they are sent again then */
  send(lines: readonly LogLine[]): Promise<void>;
  /** What was handed over is still delivered. */
  close(): void;
  /** Drops everything; a `send` that hangs fails. */
  abort(): void;
  /** Start the container though nobody answers. */
  readonly optional?: boolean;
  /** Milliseconds between attempts; the first wait, and the longest. */
  readonly retry: { readonly first: number; readonly longest: number; readonly attempts: number };
}
