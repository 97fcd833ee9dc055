import { constants, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { conflict } from "../lib/index.ts";
import { isAlive } from "../linux/index.ts";
import { codeOf } from "./cgroups/files.ts";
import { runtimeFailure } from "./failures.ts";
import type { RuncState } from "./runc-state.ts";

/** How often to look whether the process that is to open the fifo still lives. */
const CHECK_MS = 100;

/**
 * What `runc start` does: the waiting process is stuck opening the fifo for writing; whoever opens it for reading lets it
 * go on, and it sends one byte right before it executes the user's program. The blocking calls wait in the thread pool.
 * @throws RuntimeError where the process has ended, Conflict where it went on long ago
 */
export async function letGo(fifo: string, state: RuncState): Promise<void> {
  let done = false;
  const check = setInterval(() => {
    if (!done && !isAlive(state.pid, state.startTime)) wake(fifo);
  }, CHECK_MS);
  try {
    await using file = await open(fifo, "r");
    const { bytesRead } = await file.read(new Uint8Array(1), 0, 1);
    if (bytesRead === 0) throw runtimeFailure("start", "container process is already dead");
    // A program that ended at once may have been cleaned up already, its fifo with it.
    rmSync(fifo, { force: true });
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    throw conflict("cannot start a container that has stopped or was started before", error);
  } finally {
    done = true;
    clearInterval(check);
  }
}

/** Opens the other end, so that our own reader gets its end-of-file. */
function wake(fifo: string): void {
  open(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
    .then((file) => file.close())
    .catch(() => {});
}
