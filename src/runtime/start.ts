import { closeSync, constants, openSync, rmSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { conflict } from "../lib/index.ts";
import { isAlive } from "../linux/index.ts";
import { codeOf } from "./cgroups/files.ts";
import { runtimeFailure } from "./failures.ts";
import type { KnownState } from "./known-state.ts";

/** How often to look whether the process that is to open the fifo still lives. */
const CHECK_MS = 100;

/** Lets a created container's first process go on to the user's program, by the runtime's `exec.fifo`. */
export type Release = (fifo: string, state: KnownState) => Promise<void>;

/**
 * What `runc start` does: the waiting process is stuck opening the fifo for writing; whoever opens it for reading lets it
 * go on, and it sends one byte right before it executes the user's program. The blocking calls wait in the thread pool.
 * @throws RuntimeError where the process has ended, Conflict where it went on long ago
 */
export const releaseByReading: Release = async (fifo, state) => {
  let done = false;
  const check = setInterval(() => {
    if (!done && !isAlive(state.pid, state.startTime)) wake(fifo);
  }, CHECK_MS);
  try {
    await using file = await open(fifo, "r");
    const { bytesRead } = await file.read(new Uint8Array(1), 0, 1);
    if (bytesRead === 0) throw alreadyDead();
    // A program that ended at once may have been cleaned up already, its fifo with it.
    rmSync(fifo, { force: true });
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    throw alreadyStarted(error);
  } finally {
    done = true;
    clearInterval(check);
  }
};

/** Opens the other end, so that our own reader gets its end-of-file. */
function wake(fifo: string): void {
  open(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
    .then((file) => file.close())
    .catch(() => {});
}

/**
 * What `crun start` does: the waiting process has the fifo open for reading and goes on when it has read a byte.
 * @throws RuntimeError where the process has ended, Conflict where it went on long ago
 */
export const releaseByWriting: Release = async (fifo) => {
  let descriptor: number | undefined;
  try {
    // Nothing here blocks: a fifo that somebody reads is opened at once, and one that nobody reads fails.
    descriptor = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    // Before it goes on: whoever asks again must not find the fifo.
    rmSync(fifo, { force: true });
    writeSync(descriptor, new Uint8Array(1));
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw alreadyStarted(error);
    if (codeOf(error) === "ENXIO" || codeOf(error) === "EPIPE") throw alreadyDead();
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
};

const alreadyDead = () => runtimeFailure("start", "container process is already dead");
const alreadyStarted = (cause: unknown) =>
  conflict("cannot start a container that has stopped or was started before", cause);
