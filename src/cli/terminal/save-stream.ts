import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeChunks } from "./sink.ts";
import { isTerminal } from "./tty.ts";

/**
 * Writes an archive to a file or to stdout. A file appears only when it is whole; an existing one that is no
 * plain file (a device, a pipe) is written in place.
 * @param failure introduces what is wrong with the output.
 */
export async function saveStream(
  output: string,
  failure: string,
  open: () => Promise<AsyncIterable<Uint8Array>>,
): Promise<void> {
  if (output === "" || output === "-") {
    if (isTerminal(1))
      throw new Error("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    return writeChunks(1, await open());
  }
  checkOutput(output, failure);
  const inPlace = existsSync(output) && !statSync(output).isFile();
  const path = inPlace ? output : `${output}.berth-${process.pid}`;
  const source = await open();
  const descriptor = openSync(path, "w", inPlace ? 0o644 : 0o600);
  try {
    await writeChunks(descriptor, source);
  } catch (error) {
    if (!inPlace) await rm(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  if (!inPlace) await rename(path, output);
}

function checkOutput(output: string, failure: string): void {
  if (!existsSync(dirname(output))) {
    throw new Error(
      `${failure}: invalid output path: directory ${JSON.stringify(dirname(output))} does not exist`,
    );
  }
  if (existsSync(output) && statSync(output).isDirectory()) {
    throw new Error(`${failure}: invalid output path: ${JSON.stringify(output)} must be a regular file`);
  }
}
