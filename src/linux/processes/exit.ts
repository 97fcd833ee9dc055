import { ESRCH, isErrno } from "../errors.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { readableThenClosed } from "../sockets/readiness.ts";
import { isAlive, openPidfd, processStartTime } from "./processes.ts";

/** How often a process is looked at where the kernel's word of its end was not understood. */
const FALLBACK_MS = 200;

/**
 * Resolves when a process that need not be our child has ended: at once where there is none, or where its start time
 * says that it is another.
 * @throws the signal's reason where it aborts before.
 */
export async function processExit(pid: number, startTime?: string, signal?: AbortSignal): Promise<void> {
  let pidfd: number;
  try {
    pidfd = openPidfd(pid);
  } catch (error) {
    if (isErrno(error, ESRCH)) return;
    throw error;
  }
  // Only now is it sure that the pid's owner cannot change between the look and the watch.
  const watched = processStartTime(pid);
  if (watched === undefined || (startTime !== undefined && watched !== startTime)) {
    closeDescriptor(pidfd);
    return;
  }
  await readableThenClosed(pidfd, signal);
  while (isAlive(pid, watched)) {
    signal?.throwIfAborted();
    await Bun.sleep(FALLBACK_MS);
  }
}
