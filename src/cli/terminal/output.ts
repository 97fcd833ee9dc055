/**
 * What the client prints. `console` writes whole texts at once, waits for slow readers, and leaves the
 * descriptors' flags alone; `process.stdout` would cost 9 ms of start-up (measured), Bun's sinks make a pipe
 * non-blocking for every process that shares it, and `Bun.write` doubles what it appends to a file.
 */
export interface Output {
  /** Prints to stdout exactly this text. */
  print(text: string): void;
  /** Prints to stderr exactly this text. */
  warn(text: string): void;
}

export const terminalOutput: Output = {
  print: (text) => write(1, text),
  warn: (text) => write(2, text),
};

function write(descriptor: 1 | 2, text: string): void {
  if (text === "") return;
  // `console.error` would colour what it prints.
  if (descriptor === 1 && text.endsWith("\n")) console.log(text.slice(0, -1));
  else writeBlocking(descriptor, text);
}

function writeBlocking(descriptor: 1 | 2, text: string): void {
  const { writeSync } = require("node:fs") as typeof import("node:fs");
  for (let bytes = Buffer.from(text); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes));
    } catch (error) {
      // Nobody reads any more; or somebody made the pipe non-blocking and it is full.
      if ((error as { code?: string }).code !== "EAGAIN") return;
      Bun.sleepSync(1);
    }
  }
}
