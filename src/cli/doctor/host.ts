/**
 * What the checks look at: the files of one machine, and what its programs say. All of it is given, so that a test has a
 * machine of its own made of a folder.
 */
export interface Host {
  /** Of whoever looks. */
  readonly uid: number;
  readonly groups: readonly number[];
  /** The machine's time. */
  readonly now: Date;
  /** A file's text, without what is beyond a megabyte; undefined where it is not there or not for this user. */
  read(path: string): string | undefined;
  /** The names in a folder; none where it is not there. */
  list(path: string): string[];
  /** Links are followed. */
  status(path: string): FileStatus | undefined;
  /** Of the file system that a path is on, or will be on when it is made. */
  space(path: string): Space | undefined;
  /** The absolute path of the first of these programs in root's folders. */
  find(...names: string[]): string | undefined;
  /** Runs a program for some seconds at most, with a clean environment. */
  run(path: string, args: readonly string[]): Promise<ProgramResult>;
}

export interface FileStatus {
  readonly kind: "file" | "directory" | "socket" | "other";
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Space {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** 0: the file system makes them as it needs them. */
  readonly totalInodes: number;
  readonly freeInodes: number;
}

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether something has happened that only root can see, or do. */
export function isRoot(host: Host): boolean {
  return host.uid === 0;
}

/** A number that a file holds, such as those of /proc/sys. */
export function readNumber(host: Host, path: string): number | undefined {
  const text = host.read(path)?.trim();
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** `6.12.5-amd64`. */
export function kernelRelease(host: Host): string {
  return host.read("/proc/sys/kernel/osrelease")?.trim() ?? "";
}

/** Processes by their name, as the kernel has it: 15 bytes at most. */
export function processesNamed(host: Host, name: string): number[] {
  return host
    .list("/proc")
    .filter((entry) => /^\d+$/.test(entry) && host.read(`/proc/${entry}/comm`)?.trim() === name)
    .map(Number);
}
