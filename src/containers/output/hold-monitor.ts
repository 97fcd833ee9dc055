import { readFileSync } from "node:fs";
import { log, messageOf } from "../../lib/index.ts";
import { closeDescriptor, openPidfd, processExit, sendSignal, signalPidfd } from "../../linux/index.ts";
import type { ContainerRecord } from "../record.ts";

const SIGCONT = 18;
const SIGSTOP = 19;
/** Wakes the monitor when its input ends: when the daemon says so, and when there is no daemon any more. */
const GUARD = 'read -r _; kill -CONT "$1"';

/**
 * Stops a container's monitor until the result is disposed of, the container's first process has ended (of which only the
 * monitor can tell), or this process is gone.
 * @returns `undefined` where there is no monitor to stop, or nobody to wake it
 */
export function holdMonitor({ id, state }: ContainerRecord): Disposable | undefined {
  const { conmonPid, pid, startTime } = state;
  if (conmonPid === undefined || pid <= 0) return undefined;
  try {
    const monitor = openMonitor(conmonPid, id);
    return monitor === undefined ? undefined : stopped(monitor, conmonPid, { pid, startTime });
  } catch (error) {
    log.warn("cannot slow a container down", { container: id, error: messageOf(error) });
    return undefined;
  }
}

/** Lets a monitor go on that the last daemon may have stopped. */
export function wakeMonitor({ id, state }: ContainerRecord): void {
  if (state.conmonPid === undefined || !isMonitor(state.conmonPid, id)) return;
  try {
    sendSignal(state.conmonPid, SIGCONT);
  } catch {
    // It has ended.
  }
}

/** A descriptor of it, so that no other process of its number can be meant. */
function openMonitor(conmonPid: number, id: string): number | undefined {
  const pidfd = openPidfd(conmonPid);
  if (isMonitor(conmonPid, id)) return pidfd;
  closeDescriptor(pidfd);
  return undefined;
}

function isMonitor(conmonPid: number, id: string): boolean {
  try {
    return readFileSync(`/proc/${conmonPid}/cmdline`, "utf8").includes(id);
  } catch {
    return false;
  }
}

/** @param pidfd the monitor's, which is closed with the result */
function stopped(
  pidfd: number,
  conmonPid: number,
  first: { pid: number; startTime: string | undefined },
): Disposable {
  const over = new AbortController();
  let guard: Bun.Subprocess<"pipe", "ignore", "ignore"> | undefined;
  const goOn = () => {
    if (over.signal.aborted) return;
    over.abort();
    try {
      signalPidfd(pidfd, SIGCONT);
    } catch {
      // It has ended.
    }
    closeDescriptor(pidfd);
    void guard?.stdin.end();
  };
  try {
    guard = Bun.spawn(["/bin/sh", "-c", GUARD, "sh", String(conmonPid)], {
      cwd: "/",
      env: {},
      stdin: "pipe",
      stdout: "ignore",
      stderr: "ignore",
    });
    void guard.exited.then(goOn);
    void processExit(first.pid, first.startTime, over.signal).then(goOn, goOn);
    signalPidfd(pidfd, SIGSTOP);
  } catch (error) {
    goOn();
    throw error;
  }
  return { [Symbol.dispose]: goOn };
}
