import { statfs } from "node:fs/promises";
import { EngineError, log } from "../lib/index.ts";

/** How often free space is looked at, in bytes that came. */
const LOOK_EVERY_BYTES = 64 << 20;
/** What a stream from outside leaves free on the disk at least. */
const RESERVE_BYTES = 256 << 20;
/** Who has to make room makes some more, so that the next look does not find too little again. */
const ROOM_BYTES = 256 << 20;

/** A disk that is not to be filled to the brim. */
export interface DiskSpace {
  /** Any directory on it. */
  readonly directory: string;
  /** Removes what can be had again elsewhere. @returns how many bytes that gave */
  makeRoom(bytes: number): Promise<number>;
  /** What is free, in bytes; the disk is asked where it is not given. */
  readonly freeBytes?: (() => Promise<number>) | undefined;
}

/**
 * Passes a stream on for as long as the disk has room for it: what inflates without end stops before the disk is full
 * and everything else on the host fails with it. Where room is short, what need not be here goes first.
 * @throws System `no space left on device`
 */
export async function* whileSpaceLasts(
  source: AsyncIterable<Uint8Array>,
  space: DiskSpace,
): AsyncGenerator<Uint8Array, void, undefined> {
  let until = 0;
  for await (const bytes of source) {
    until -= bytes.length;
    if (until < 0) {
      await requireRoom(space);
      until = LOOK_EVERY_BYTES;
    }
    yield bytes;
  }
}

async function requireRoom(space: DiskSpace): Promise<void> {
  const free = space.freeBytes ?? (() => freeBytesOf(space.directory));
  const before = await free();
  if (before >= RESERVE_BYTES) return;
  const freed = await space.makeRoom(RESERVE_BYTES + ROOM_BYTES - before);
  if (freed > 0) log.info("the disk is short of space: compressed layers were removed", { bytes: freed });
  if ((await free()) >= RESERVE_BYTES) return;
  throw new EngineError("System", `write ${space.directory}: no space left on device`);
}

async function freeBytesOf(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
