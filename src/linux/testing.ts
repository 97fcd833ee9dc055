import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** For tests: how many of this process's open descriptors lead to something whose description matches. */
export function openDescriptors(pattern: RegExp): number {
  return readdirSync("/proc/self/fd").filter((fd) => pattern.test(describe(fd))).length;
}

/** What a descriptor leads to, and of a pidfd the process: `anon_inode:[pidfd] Pid: 4711`. */
function describe(fd: string): string {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    const pid = /^Pid:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return pid === undefined ? target : `${target} Pid: ${pid}`;
  } catch {
    return ""; // closed meanwhile
  }
}

/** For tests: waits for something to become true; the test's own time limit ends it otherwise. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await Bun.sleep(2);
}

/**
 * Mounts a new XFS, on which files can share blocks, at a directory. The caller unmounts it.
 * @param image a file that is made for it
 * @returns false where this machine cannot have one
 */
export function mountXfs(image: string, target: string): boolean {
  const run = (...command: string[]) => Bun.spawnSync(command, { stderr: "ignore" }).exitCode === 0;
  return (
    Bun.which("mkfs.xfs") !== null &&
    run("truncate", "-s", "400M", image) &&
    run("mkfs.xfs", "-q", "-m", "reflink=1", image) &&
    run("mount", "-o", "loop", image, target)
  );
}
