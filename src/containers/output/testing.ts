/** Stand-ins for the tests of output: records as the monitor writes them, and a monitor without a container. */
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OutputChunk, type OutputStream, STDOUT } from "../../lib/index.ts";

export const TIME = "2026-01-02T03:04:05.123456789+00:00";

/** The records of what a process writes at once, as conmon 2.1 makes them: one a line, `P` for a last line without an end. */
export function records(stream: OutputStream, text: string | Uint8Array, time = TIME): Buffer {
  const bytes = Buffer.from(text as Uint8Array);
  const parts: Buffer[] = [];
  const head = `${time} ${stream === STDOUT ? "stdout" : "stderr"}`;
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    parts.push(Buffer.from(`${head} ${newline < 0 ? "P" : "F"} `), bytes.subarray(at, end));
    if (newline < 0) parts.push(Buffer.from("\n"));
    at = end;
  }
  return Buffer.concat(parts);
}

/** The bytes of one stream, or of both in the order in which they came. */
export function bytesOf(chunks: readonly OutputChunk[], stream?: OutputStream): Buffer {
  return Buffer.concat(chunks.filter((c) => stream === undefined || c.stream === stream).map((c) => c.bytes));
}

export async function collect(output: AsyncIterable<OutputChunk>): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  for await (const { stream, bytes } of output) chunks.push({ stream, bytes: Buffer.from(bytes) });
  return chunks;
}

/** Writes a log as conmon does, reading its commands between two writes only. */
export class FakeMonitor {
  readonly path: string;
  #fd: number;
  #reopen = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, "a", 0o600);
  }

  readonly reopen = async (): Promise<void> => {
    this.#reopen++;
  };

  write(stream: OutputStream, text: string | Uint8Array, time?: string): void {
    this.turn();
    this.writeRaw(records(stream, text, time));
  }

  writeRaw(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }

  /** One turn of its loop without output. */
  turn(): void {
    for (; this.#reopen > 0; this.#reopen--) {
      closeSync(this.#fd);
      this.#fd = openSync(`${this.path}.tmp`, "w", 0o600);
      renameSync(`${this.path}.tmp`, this.path);
    }
  }

  close(): void {
    this.turn();
    closeSync(this.#fd);
  }
}

export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "berth-output-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
