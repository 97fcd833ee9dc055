import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { DeviceFinder, HostDevice } from "./contract.ts";

/** Directories of /dev that hold no devices of the host's hardware, or that every container has of its own. */
const NOT_DEVICES: ReadonlySet<string> = new Set([
  "pts",
  "shm",
  "fd",
  "mqueue",
  ".lxc",
  ".lxd-mounts",
  ".udev",
]);
const MAX_DEPTH = 16;

/** The host's own /dev. */
export const hostDevices: DeviceFinder = {
  find(path) {
    const status = statOf(path, true);
    if (!status) return undefined;
    if (!status.isDirectory()) return deviceOf(path, status);
    return [...walk(path)].map((device) => ({ ...device, below: device.path.slice(path.length) }));
  },
  all: () => [...walk("/dev")].filter((device) => device.path !== "/dev/console"),
};

function* walk(directory: string, depth = 0): Generator<HostDevice> {
  for (const name of namesIn(directory)) {
    if (directory === "/dev" && NOT_DEVICES.has(name)) continue;
    const path = join(directory, name);
    const status = statOf(path, false);
    if (status?.isDirectory() && depth < MAX_DEPTH) yield* walk(path, depth + 1);
    else if (status) yield* deviceOf(path, status);
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function statOf(path: string, follow: boolean): Stats | undefined {
  try {
    return follow ? statSync(path) : lstatSync(path);
  } catch {
    return undefined;
  }
}

function deviceOf(path: string, status: Stats): HostDevice[] {
  if (!status.isCharacterDevice() && !status.isBlockDevice()) return [];
  const type = status.isBlockDevice() ? "b" : "c";
  const { uid, gid } = status;
  return [{ path, type, ...deviceNumbers(status.rdev), mode: status.mode & 0o7777, uid, gid }];
}

/** Linux' encoding of a device number in 64 bits (makedev(3)): minor's high and low bits around major's. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const value = BigInt(rdev);
  return {
    major: Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn)),
    minor: Number((value & 0xffn) | ((value >> 12n) & 0xff_ff00n)),
  };
}
