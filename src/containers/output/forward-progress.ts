/** How far a container's output has been forwarded, on disk for the next daemon. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { log } from "../../lib/index.ts";
import type { Position, SegmentChain } from "./chain.ts";
import type { OpenLine } from "./drivers/lines.ts";
import { beginningOf } from "./positions.ts";
import { HEADER_LENGTH } from "./record.ts";
import { holdIfThere, type Segment } from "./segment.ts";

interface Progress {
  /** The segment's file number, and the header of its first record, since numbers are given again. */
  readonly inode: number;
  readonly head: string;
  readonly offset: number;
  /** Lines whose beginning has been read and whose end has not. */
  readonly open: readonly OpenLine[];
}

/** Replaced in one step. It need not survive a power cut: the output itself does not either. */
export function saveProgress(path: string, { segment, offset }: Position, open: readonly OpenLine[]): void {
  const head = headOf(segment);
  // A log that is not kept is gone with its run.
  if (head === undefined) return;
  const progress: Progress = { inode: segment.inode, head, offset, open };
  writeFileSync(`${path}.new`, JSON.stringify(progress), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** `undefined` where nothing was ever forwarded. Where the place is gone, what is left is forwarded. */
export function loadProgress(
  path: string,
  chain: SegmentChain,
): { position: Position; open: readonly OpenLine[] } | undefined {
  const progress = read(path);
  if (progress === undefined) return undefined;
  const segment = chain.segments.find(
    (candidate) => candidate.inode === progress.inode && isSame(headOf(candidate), progress.head),
  );
  if (segment !== undefined) return { position: { segment, offset: progress.offset }, open: progress.open };
  log.warn("the output that was forwarded last is gone; going on with the oldest that is kept", { path });
  const position = beginningOf(chain);
  return position === undefined ? undefined : { position, open: [] };
}

export function forgetProgress(path: string): void {
  rmSync(path, { force: true });
}

/** The file may have been empty when the place was written down. */
function isSame(now: string | undefined, then: string): boolean {
  return now?.startsWith(then) === true;
}

/** `undefined` where the file is gone, or old enough to be compressed: a forwarder's place is never in one. */
function headOf(segment: Segment): string | undefined {
  if (segment.compressed || !holdIfThere(segment)) return undefined;
  const head = Buffer.alloc(HEADER_LENGTH);
  try {
    return head.toString("latin1", 0, segment.readNow(head, 0));
  } finally {
    segment.release();
  }
}

function read(path: string): Progress | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Progress;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      log.warn("cannot read how far a container's output was forwarded", { path });
    }
    return undefined;
  }
}
