import { statfs } from "node:fs/promises";
import { EngineError } from "../lib/index.ts";

/** How often free space is looked at, in bytes that came. */
const LOOK_EVERY_BYTES = 64 << 20;
/** What a stream from outside leaves free on the disk at least. */
const RESERVE_BYTES = 256 << 20;

/**
 * Passes a stream on for as long as the disk has room for it: what inflates without end stops before the disk is full
 * and everything else on the host fails with it.
 * @throws System `no space left on device`
 */
export async function* whileSpaceLasts(
  source: AsyncIterable<Uint8Array>,
  directory: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let until = 0;
  for await (const bytes of source) {
    until -= bytes.length;
    if (until < 0) {
      const { bavail, bsize } = await statfs(directory);
      if (bavail * bsize < RESERVE_BYTES)
        throw new EngineError("System", `write ${directory}: no space left on device`);
      until = LOOK_EVERY_BYTES;
    }
    yield bytes;
  }
}
