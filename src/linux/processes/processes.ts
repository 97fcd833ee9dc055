import { readFileSync } from "node:fs";
import { SYS_pidfd_open, SYS_pidfd_send_signal } from "../constants.ts";
import { ESRCH, isErrno } from "../errors.ts";
import { check, libc, rawSyscall } from "../libc.ts";

const pidfdOpen = rawSyscall(["i32", "u32"]);
const pidfdSendSignal = rawSyscall(["i32", "i32", "ptr", "u32"]);

/** linux/prctl.h */
const PR_SET_CHILD_SUBREAPER = 36;
/** linux/wait.h */
const WNOHANG = 1;

/**
 * Holds a process by a descriptor, which goes on meaning that process after its pid was given to another. Close-on-exec.
 * @throws LinuxError ESRCH where there is none.
 */
export function openPidfd(pid: number): number {
  return check("pidfd_open", pidfdOpen(SYS_pidfd_open, pid, 0), `process ${pid}`);
}

/** @returns false where the process has ended and was waited for. */
export function signalPidfd(pidfd: number, signal: number): boolean {
  return existed(() => {
    check("pidfd_send_signal", pidfdSendSignal(SYS_pidfd_send_signal, pidfd, signal, null, 0));
  });
}

/** Sends a signal; prefer a pidfd for a process that is not our own child. @returns false where there is no such process. */
export function sendSignal(pid: number, signal: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false; // 0 and below would mean whole groups of processes
  return existed(() => {
    check("kill", libc.kill(pid, signal), `process ${pid}`);
  });
}

function existed(send: () => void): boolean {
  try {
    send();
    return true;
  } catch (error) {
    if (isErrno(error, ESRCH)) return false;
    throw error;
  }
}

/**
 * When a process started, in clock ticks since the host did, which together with its pid names a process for good;
 * undefined where there is none. A text, to be stored and compared only.
 */
export function processStartTime(pid: number): string | undefined {
  return readStat(pid)?.startTime;
}

/** Whether a process runs (a zombie does not). With a start time, whether it is still that one. */
export function isAlive(pid: number, startTime?: string): boolean {
  const stat = readStat(pid);
  if (stat === undefined || "ZX".includes(stat.state)) return false;
  return startTime === undefined || stat.startTime === startTime;
}

/** proc_pid_stat(5). The name in field 2 may hold spaces and parentheses, so fields are counted from its last `)`. */
function readStat(pid: number): { state: string; startTime: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "X", startTime: fields[19] ?? "" };
}

/**
 * Makes this process the parent of orphans among its descendants, so that a monitor whose starter ended stays ours.
 * Bun waits for the children that it spawned only: whoever adopts must `reap` what it adopted.
 */
export function setSubreaper(on = true): void {
  check("prctl", libc.prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0));
}

/**
 * Takes a dead child's remains away. @returns its wait status; undefined where it lives, or is no child of ours. Never
 * for a child of `Bun.spawn`, whose exit Bun would then miss.
 */
export function reap(pid: number): number | undefined {
  const status = new Int32Array(1);
  if (pid <= 0) return undefined; // would take anybody's
  return libc.waitpid(pid, new Uint8Array(status.buffer), WNOHANG) === pid ? status[0] : undefined;
}

/** Runs synchronous work with another umask, so that the modes of files it makes are exact. */
export function withUmask<T>(mask: number, work: () => T): T {
  const before = libc.umask(mask);
  try {
    return work();
  } finally {
    libc.umask(before);
  }
}
