import type { PackOptions } from "./files/pack.ts";
import type { Placement } from "./files/unpack.ts";

/** Files of this machine as tars and back; what does it is loaded when it is used. */
export type { PackOptions, Placement };

/**
 * A file or folder of this host, given by the folder it is in and its name there, as a tar whose entries begin with the
 * name; `.` is what is in the folder. A file that changes meanwhile keeps the size it had.
 */
export async function* packTree(
  directory: string,
  name: string,
  options?: PackOptions,
): AsyncGenerator<Uint8Array, void> {
  yield* (await import("./files/pack.ts")).packTree(directory, name, options);
}

/** Unpacks a tar below a folder; no entry leads out of it, and no link in it is followed. */
export async function unpackTree(source: AsyncIterable<Uint8Array>, placement: Placement): Promise<void> {
  await (await import("./files/unpack.ts")).unpackTree(source, placement);
}
