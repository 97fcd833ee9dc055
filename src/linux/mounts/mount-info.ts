import { readFileSync } from "node:fs";
import { systemError } from "../../lib/index.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH } from "../constants.ts";
import { closeDescriptor } from "../files/descriptors.ts";
import { statDescriptor } from "../files/file-stat.ts";
import { check, libc, showPath } from "../libc.ts";
import { cString } from "../paths.ts";

/** How mounts and unmounts travel between a mount and its copies (mount_namespaces(7)). */
export type MountPropagation = "shared" | "slave" | "private" | "unbindable";

/** One mount of this process's mount namespace: a line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system's device. */
  readonly device: string;
  /** Which directory of the file system is mounted. */
  readonly root: string;
  /** Where it is mounted. */
  readonly target: string;
  /** Of this mount: `rw`, `nosuid`, … */
  readonly options: readonly string[];
  readonly propagation: MountPropagation;
  /** `ext4`, `overlay`, … */
  readonly type: string;
  readonly source: string;
  /** Of the file system: `lowerdir=…`, … */
  readonly superOptions: readonly string[];
}

/** All mounts, in the order in which they were made; a later one may lie on top of an earlier one. */
export function listMounts(): MountInfo[] {
  return parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8"));
}

/**
 * The mounts at a path and below it, in the order in which they were made: undo them from the last to the first. The
 * path is absolute and holds no links: the kernel writes mount points that way.
 */
export function mountsBelow(path: string): MountInfo[] {
  const root = path.replace(/\/+$/, "");
  return listMounts().filter(({ target }) => target === (root || "/") || target.startsWith(`${root}/`));
}

/** Whether something is mounted exactly at this path. */
export function isMountPoint(path: string): boolean {
  return mountsBelow(path).some(({ target }) => target === path);
}

/** Propagation of the mount that holds a path. The path's links are followed. */
export function mountPropagation(path: string): MountPropagation {
  const id = Number(mountIdOf(path));
  const mount = listMounts().find((one) => one.id === id);
  if (mount === undefined) throw systemError(`no mount holds ${showPath(path)}`);
  return mount.propagation;
}

function mountIdOf(path: string): bigint {
  const fd = check("open", libc.openat(AT_FDCWD, cString(path), O_PATH | O_CLOEXEC, 0), path);
  try {
    return statDescriptor(fd).mountId;
  } finally {
    closeDescriptor(fd);
  }
}

/** Parses the text of a mountinfo file. */
export function parseMountInfo(text: string): MountInfo[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

/** `36 35 98:0 /root /target rw,noatime master:1 - ext3 /dev/root rw,errors=continue`; the fields before `-` vary in number. */
function parseLine(line: string): MountInfo {
  const fields = line.split(" ");
  const separator = fields.indexOf("-", 6);
  const text = (index: number) => unescapeOctal(fields[index] ?? "");
  return {
    id: Number(fields[0]),
    parentId: Number(fields[1]),
    device: text(2),
    root: text(3),
    target: text(4),
    options: text(5).split(","),
    propagation: propagationOf(fields.slice(6, separator)),
    type: text(separator + 1),
    source: text(separator + 2),
    superOptions: text(separator + 3).split(","),
  };
}

/** A mount that both receives and passes on (`shared:2 master:1`) counts as shared: that is what a bind of it needs. */
function propagationOf(tags: string[]): MountPropagation {
  if (tags.some((tag) => tag.startsWith("shared:"))) return "shared";
  if (tags.some((tag) => tag.startsWith("master:"))) return "slave";
  return tags.includes("unbindable") ? "unbindable" : "private";
}

/** The kernel writes space, tab, newline, backslash and `#` as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
