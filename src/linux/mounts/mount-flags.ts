import {
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../constants.ts";

const MS_SYNCHRONOUS = 16;
const MS_DIRSYNC = 128;
const MS_NOATIME = 1024;
const MS_NODIRATIME = 2048;
const MS_RELATIME = 1 << 21;
const MS_STRICTATIME = 1 << 24;

/** The options of mount(8) that are flags of mount(2); all others are the file system's own. */
const FLAGS: Readonly<Record<string, number>> = {
  defaults: 0,
  rw: 0,
  suid: 0,
  dev: 0,
  exec: 0,
  ro: MS_RDONLY,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  sync: MS_SYNCHRONOUS,
  dirsync: MS_DIRSYNC,
  noatime: MS_NOATIME,
  nodiratime: MS_NODIRATIME,
  relatime: MS_RELATIME,
  strictatime: MS_STRICTATIME,
};

/** How a mount point passes mounts on; with a leading `r` for everything below too. */
export type Propagation =
  | "private"
  | "rprivate"
  | "shared"
  | "rshared"
  | "slave"
  | "rslave"
  | "unbindable"
  | "runbindable";

/** Those that mounts of containers may have: to Docker and to OCI runtimes unbindable ones are none. */
export const PROPAGATIONS: readonly string[] = [
  "private",
  "rprivate",
  "slave",
  "rslave",
  "shared",
  "rshared",
] satisfies Propagation[];

/** The flags of mount(2) that set a propagation. */
export const PROPAGATION_FLAGS: Readonly<Record<Propagation, number>> = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
};

/** Splits mount(8) options into mount(2)'s flags and the file system's own data. */
export function splitMountOptions(options: readonly string[]): { flags: number; data: string[] } {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    const flag = FLAGS[option];
    if (flag === undefined) data.push(option);
    else flags |= flag;
  }
  return { flags, data };
}

/** The flags of mount(2) that are attributes of a mount, as fsmount(2) takes them: the same bits up to `noexec`. */
export function mountAttributes(flags: number): number {
  return flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
}
