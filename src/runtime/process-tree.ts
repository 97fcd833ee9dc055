import { readdirSync, readFileSync } from "node:fs";
import { log } from "../lib/index.ts";
import { processExit, sendSignal } from "../linux/index.ts";

const SIGKILL = 9;
/** A process that does not die of SIGKILL in this time is stuck in the kernel. */
const LIMIT_MS = 10_000;
/** Each round kills all that there are; only what was being forked meanwhile is left for another. */
const MAX_ROUNDS = 20;

/**
 * Kills a process and all its descendants, and returns when they are gone. The descendants first: the process has to be one that
 * its orphans come back to (a subreaper, as conmon is), so that none is lost sight of.
 */
export async function endProcessTree(pid: number): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const below = descendants(pid);
    if (below.length === 0) break;
    await end(below);
  }
  await end([pid]);
}

async function end(pids: readonly number[]): Promise<void> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  for (const pid of pids) sendSignal(pid, SIGKILL);
  try {
    await Promise.all(pids.map((pid) => processExit(pid, undefined, limit)));
  } catch (error) {
    if (!limit.aborted) throw error;
    log.warn("processes do not die", { pids: pids.join(" ") });
  }
}

function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
        .split(" ")
        .map(Number)
        .filter((child) => child > 0),
    );
  } catch {
    return [];
  }
}
