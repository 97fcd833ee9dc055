import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readText } from "./files.ts";

/** The grace period is the whole kernel's: one write at a time is enough for all. */
let underWay = false;

/**
 * Writes this process's id into the `cgroup.procs` of the cgroup that it is in already, in the thread pool.
 * @param mountPoint of any one hierarchy
 * @param controllers how /proc/self/cgroup calls that hierarchy: empty for version 2
 */
export async function touchOwnCgroup(mountPoint: string, controllers: string, proc: string): Promise<void> {
  if (underWay) return;
  underWay = true;
  try {
    const own = ownCgroup(readText(join(proc, "self/cgroup")) ?? "", controllers);
    if (own !== undefined) await writeFile(join(mountPoint, own, "cgroup.procs"), String(process.pid));
  } catch {
    // A cgroup that may hold no processes itself, or is not ours to write: then the kernel takes its own time.
  } finally {
    underWay = false;
  }
}

/** cgroups(7): lines `hierarchy id:controllers:path`. */
function ownCgroup(text: string, controllers: string): string | undefined {
  for (const line of text.split("\n")) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names === controllers) return path;
  }
  return undefined;
}
