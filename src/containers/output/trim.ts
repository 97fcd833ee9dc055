/** Gives back the disk space of a log that has grown while no daemon kept it small. */
import { closeSync, constants, openSync, statSync } from "node:fs";
import { log, messageOf } from "../../lib/index.ts";
import { punchHole } from "../../linux/index.ts";
import type { SegmentChain } from "./chain.ts";
import { beginningOf } from "./positions.ts";
import type { Segment } from "./segment.ts";

const BLOCK = 4096;
/** Less than this is not worth the call. */
const WORTH_IT = 1024 * 1024;
/** Freed at once: some milliseconds. */
const STEP = 256 * 1024 * 1024;

/** One file alone holds more than all that is kept. Such a file is trimmed, and never compressed. */
export function isOversize({ limits }: SegmentChain, segment: Segment): boolean {
  const size = statSync(segment.path, { throwIfNoEntry: false })?.size ?? 0;
  return size > limits.maxSize * limits.maxFiles;
}

/**
 * Everything before the oldest line that is kept, in the file that holds this line, becomes a hole: places in the file stay
 * what they are, for the monitor that writes and for readers, and nobody looks at what is not kept. The first block
 * stays, too: files are known by their beginning.
 */
export async function trimOversize(chain: SegmentChain): Promise<void> {
  try {
    await trim(chain);
  } catch (error) {
    // Removed, or rotated out of the way, meanwhile.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    log.warn("cannot trim a container's log", { path: chain.path, error: messageOf(error) });
  }
}

async function trim(chain: SegmentChain): Promise<void> {
  const kept = beginningOf(chain);
  if (kept === undefined || kept.offset < WORTH_IT || kept.segment.compressed) return;
  const { segment } = kept;
  if (!isOversize(chain, segment)) return;
  // The record that begins there is looked for from the byte before it on.
  const end = Math.floor((kept.offset - 1) / BLOCK) * BLOCK;
  const fd = openSync(segment.path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (let at = BLOCK; at < end; at += STEP) {
      // Somebody reads what is about to go: it goes another time.
      if (chain.isAwaitedBefore({ segment, offset: end })) return;
      if (!punchHole(fd, at, Math.min(STEP, end - at))) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    closeSync(fd);
  }
}
