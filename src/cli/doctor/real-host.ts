import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { SYSTEM_PATH } from "../../lib/index.ts";
import type { FileStatus, Host, Space } from "./host.ts";

const TEXT_BYTES_MAX = 1 << 20;
const PROGRAM_TIMEOUT_MS = 10_000;
/** This machine. @param root a folder that stands for `/`, for tests */
export function realHost(root = ""): Host {
  const at = (path: string) => (root === "" ? path : join(root, path));
  const status = (path: string) => attempt(() => toStatus(statSync(at(path))));
  return {
    uid: process.geteuid?.() ?? -1,
    groups: process.getgroups?.() ?? [],
    now: new Date(),
    read: (path) => attempt(() => readText(at(path))),
    list: (path) => attempt(() => readdirSync(at(path))) ?? [],
    status,
    space: (path) => {
      for (let place = path; ; place = dirname(place)) {
        if (status(place) !== undefined) return attempt(() => toSpace(at(place)));
        if (place === "/" || place === ".") return undefined;
      }
    },
    find: (...names) =>
      names
        .flatMap((name) => SYSTEM_PATH.map((folder) => join(folder, name)))
        .find((path) => attempt(() => isProgram(at(path)))),
    run: async (path, args) => {
      const child = Bun.spawn([at(path), ...args], {
        cwd: "/",
        env: { PATH: SYSTEM_PATH.slice(0, 6).join(":"), LC_ALL: "C.UTF-8" },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: PROGRAM_TIMEOUT_MS,
      });
      const [stdout, stderr, code] = await Promise.all([
        child.stdout.text(),
        child.stderr.text(),
        child.exited,
      ]);
      return { code, stdout, stderr };
    },
  };
}

/** Files that are not there, and those that others may not see, are nothing to fail for. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function isProgram(path: string): boolean {
  accessSync(path, constants.X_OK);
  return true;
}

/** Files of /proc have no size; some have no end. */
function readText(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(TEXT_BYTES_MAX);
    let length = 0;
    for (;;) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0 || length + count === bytes.length) return bytes.toString("utf8", 0, length + count);
      length += count;
    }
  } finally {
    closeSync(fd);
  }
}

function toStatus(stats: Stats): FileStatus {
  const kind = stats.isFile()
    ? "file"
    : stats.isDirectory()
      ? "directory"
      : stats.isSocket()
        ? "socket"
        : "other";
  return { kind, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
}

function toSpace(path: string): Space {
  const { bsize, blocks, bavail, files, ffree } = statfsSync(path);
  return {
    totalBytes: blocks * bsize,
    freeBytes: bavail * bsize,
    totalInodes: files,
    freeInodes: ffree,
  };
}
