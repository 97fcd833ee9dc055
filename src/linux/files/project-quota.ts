/**
 * Project quotas: a directory tree is given a number, its project, that all files made in it inherit, and the file
 * system counts and limits what belongs to a number. XFS has them, and ext4 with the features `quota` and `project`.
 */

import { LinuxError } from "../errors.ts";
import { check, errno, libc, rawSyscall } from "../libc.ts";

// linux/fs.h: struct fsxattr
const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const FS_XFLAG_PROJINHERIT = 0x200;
const FSXATTR_BYTES = 28;
const FLAGS_AT = 0;
const PROJECT_AT = 12;

// linux/quota.h, linux/dqblk_xfs.h: these commands reach XFS and all others that have quotas
const quotactlFd = rawSyscall(["i32", "u32", "u32", "ptr"]);
const SYS_quotactl_fd = 443;
const PROJECT = 2;
const Q_XGETQUOTA = 0x5803;
const Q_XSETQLIM = 0x5804;
const Q_XGETQSTAT = 0x5805;
const command = (subcommand: number) => (subcommand << 8) | PROJECT;
/** In `fs_quota_stat.qs_flags`: limits on projects are enforced. */
const FS_QUOTA_PDQ_ENFD = 1 << 5;
const STATE_BYTES = 80;
/** struct fs_disk_quota */
const LIMIT_BYTES = 112;
const VERSION = 1;
const FS_PROJ_QUOTA = 2;
const FS_DQ_BSOFT = 1 << 2;
const FS_DQ_BHARD = 1 << 3;
const BLOCK_BYTES = 512;
const ENOENT = 2;

/** What is kept of one project. */
export interface ProjectUse {
  readonly usedBytes: number;
  /** 0: none. */
  readonly limitBytes: number;
}

/**
 * Whether the file system of an open directory keeps limits of projects.
 * @throws LinuxError ENOSYS without quotas in the kernel (or before 5.14), ESRCH or EINVAL where they are not switched
 *   on, ENOTSUP of a file system that has none
 */
export function enforcesProjectQuotas(fd: number): boolean {
  const state = new Uint8Array(STATE_BYTES);
  state[0] = VERSION;
  check("quotactl", quotactlFd(SYS_quotactl_fd, fd, command(Q_XGETQSTAT), 0, state));
  return (new DataView(state.buffer).getUint16(2, true) & FS_QUOTA_PDQ_ENFD) !== 0;
}

/** The project of an open directory; 0: none. @throws LinuxError */
export function projectOf(fd: number): number {
  return new DataView(attributesOf(fd).buffer).getUint32(PROJECT_AT, true);
}

/** Gives an open directory, and all that will be made in it, to a project. @throws LinuxError */
export function setProject(fd: number, project: number): void {
  const attributes = attributesOf(fd);
  const view = new DataView(attributes.buffer);
  view.setUint32(PROJECT_AT, project, true);
  view.setUint32(FLAGS_AT, view.getUint32(FLAGS_AT, true) | FS_XFLAG_PROJINHERIT, true);
  check("ioctl", libc.ioctl(fd, FS_IOC_FSSETXATTR, attributes), "FS_IOC_FSSETXATTR");
}

function attributesOf(fd: number): Uint8Array<ArrayBuffer> {
  const attributes = new Uint8Array(FSXATTR_BYTES);
  check("ioctl", libc.ioctl(fd, FS_IOC_FSGETXATTR, attributes), "FS_IOC_FSGETXATTR");
  return attributes;
}

/** What a project uses on the file system of an open directory; undefined where nobody ever had it. @throws LinuxError */
export function projectUse(fd: number, project: number): ProjectUse | undefined {
  const record = new Uint8Array(LIMIT_BYTES);
  if (quotactlFd(SYS_quotactl_fd, fd, command(Q_XGETQUOTA), project, record) < 0) {
    if (errno() === ENOENT) return undefined;
    throw new LinuxError("quotactl", errno());
  }
  const view = new DataView(record.buffer);
  return {
    limitBytes: Number(view.getBigUint64(8, true)) * BLOCK_BYTES,
    usedBytes: Number(view.getBigUint64(40, true)) * BLOCK_BYTES,
  };
}

/** Sets how many bytes may belong to a project, in steps of 512; 0: any. @throws LinuxError */
export function limitProject(fd: number, project: number, bytes: number): void {
  const record = new Uint8Array(LIMIT_BYTES);
  const view = new DataView(record.buffer);
  const blocks = BigInt(Math.floor(bytes / BLOCK_BYTES));
  view.setInt8(0, VERSION);
  view.setInt8(1, FS_PROJ_QUOTA);
  view.setUint16(2, FS_DQ_BHARD | FS_DQ_BSOFT, true);
  view.setUint32(4, project, true);
  view.setBigUint64(8, blocks, true);
  view.setBigUint64(16, blocks, true);
  check("quotactl", quotactlFd(SYS_quotactl_fd, fd, command(Q_XSETQLIM), project, record));
}
