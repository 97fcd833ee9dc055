import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { act, type Machine } from "./machine.ts";

/** What only an engine's data root has: nothing else is ever removed as one. */
const SIGNS = ["berth.db", "lock"];

/** Whether a folder is the data of an engine. */
export function isDataRoot(path: string): boolean {
  return SIGNS.every((name) => existsSync(join(path, name)));
}

/**
 * Removes a folder with all that is in it. What is mounted below is unmounted first, and where something stays mounted
 * nothing is removed: it may be somebody's disk.
 * @param proc `/proc`, or what stands for it in a test
 */
export async function removeTree(machine: Machine, path: string, proc = "/proc"): Promise<void> {
  if (!existsSync(path)) return;
  const place = realpathSync(path);
  // The later ones lie over the earlier ones.
  for (const point of mountsBelow(place, proc).toReversed()) await act(machine, "umount", "-l", point);
  if (machine.dryRun) return machine.say(`would remove ${place} with all that is in it`);
  const left = mountsBelow(place, proc);
  if (left.length > 0)
    throw new Error(`${left.join(", ")} is still mounted: nothing of ${place} was removed`);
  for (const name of readdirSync(place)) rmSync(join(place, name), { recursive: true, force: true });
  // It may be a file system of its own, or a link to where the room is.
  if (place === path && !isMountPoint(place, proc)) rmSync(place, { recursive: true, force: true });
  machine.say(`removed ${place}`);
}

function mountPoints(proc: string): string[] {
  const lines = readFileSync(join(proc, "self/mountinfo"), "utf8").split("\n");
  return lines.flatMap((line) => line.split(" ")[4] ?? []).map(decode);
}

function mountsBelow(path: string, proc: string): string[] {
  return mountPoints(proc).filter((point) => point.startsWith(`${path}/`));
}

function isMountPoint(path: string, proc: string): boolean {
  return mountPoints(proc).includes(path);
}

/** Blanks are written in octal (proc_pid_mountinfo(5)). */
function decode(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
