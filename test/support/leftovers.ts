import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Traces a stopped engine may not leave: mounts and processes that name a path below its root. */
export async function leftovers(root: string): Promise<string[]> {
  // A process that was just killed needs a moment to be reaped, and its mounts go with it.
  for (let attempt = 0; attempt < 40; attempt++) {
    if (findLeftovers(root).length === 0) return [];
    await Bun.sleep(50);
  }
  return findLeftovers(root);
}

function findLeftovers(root: string): string[] {
  return [...mountsBelow(root), ...processesOf(root)];
}

function mountsBelow(root: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.split(" ")[4]?.startsWith(root) === true)
    .map((line) => `mount ${line}`);
}

function processesOf(root: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const directory = readlinkSync(`/proc/${pid}/cwd`);
      if (command.includes(root) || directory.startsWith(root)) found.push(`process ${pid} ${command}`);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
