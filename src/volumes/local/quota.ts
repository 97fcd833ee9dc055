import { constants } from "node:fs";
import { invalidParameter, messageOf } from "../../lib/index.ts";
import {
  closeDescriptor,
  enforcesProjectQuotas,
  limitProject,
  openRoot,
  projectOf,
  projectUse,
  setProject,
} from "../../linux/index.ts";

/** The kernel's quotas on directories, as far as this driver needs them; tests put others in. */
export interface ProjectQuotas {
  /** Whether limits are kept there. @throws LinuxError where the file system or the kernel can't */
  enforced(fd: number): boolean;
  projectOf(fd: number): number;
  setProject(fd: number, project: number): void;
  use(fd: number, project: number): { readonly usedBytes: number; readonly limitBytes: number } | undefined;
  limit(fd: number, project: number, bytes: number): void;
}

const KERNEL_QUOTAS: ProjectQuotas = {
  enforced: enforcesProjectQuotas,
  projectOf,
  setProject,
  use: projectUse,
  limit: limitProject,
};

/** Far from the low numbers that other programs, Docker too, begin with. */
const FIRST_PROJECT = 0x6265_0000;
const PROJECTS = 0xffff;

/** Limits how much the directories of volumes may hold, by giving each a project of its own. */
export class Quotas {
  readonly #kernel: ProjectQuotas;

  constructor(kernel: ProjectQuotas = KERNEL_QUOTAS) {
    this.#kernel = kernel;
  }

  /** @throws InvalidParameter `quota size requested but no quota support`, with what is missing */
  check(directory: string): void {
    using opened = openDirectory(directory);
    let reason: string;
    try {
      if (this.#kernel.enforced(opened.fd)) return;
      reason = "the file system is mounted without project quotas (XFS: mount it with pquota)";
    } catch (error) {
      reason = reasonOf(error);
    }
    throw invalidParameter(`quota size requested but no quota support: ${reason}`);
  }

  /** From now on no more than so many bytes fit in the directory, which has to be empty the first time. */
  set(directory: string, bytes: number): void {
    using opened = openDirectory(directory);
    const { fd } = opened;
    const project = this.#kernel.projectOf(fd) || this.#freeProject(fd);
    this.#kernel.limit(fd, project, bytes);
    this.#kernel.setProject(fd, project);
  }

  /** The directory is about to be deleted: its project may be somebody else's. Its files may be many and go later. */
  clear(directory: string): void {
    using opened = openDirectory(directory);
    const project = this.#kernel.projectOf(opened.fd);
    if (project !== 0) this.#kernel.limit(opened.fd, project, 0);
  }

  /** One that has neither files nor a limit. Two daemons on one file system so never share one. */
  #freeProject(fd: number): number {
    const start = Math.floor(Math.random() * PROJECTS);
    for (let step = 0; step < PROJECTS; step++) {
      const project = FIRST_PROJECT + ((start + step) % PROJECTS);
      const use = this.#kernel.use(fd, project);
      if (use === undefined || (use.usedBytes === 0 && use.limitBytes === 0)) return project;
    }
    throw invalidParameter("no quota can be set: all project numbers are taken");
  }
}

/** Not as a mere path: those have no attributes. */
function openDirectory(directory: string): { fd: number } & Disposable {
  using root = openRoot(directory);
  const fd = root.open("/", constants.O_RDONLY | constants.O_DIRECTORY);
  return { fd, [Symbol.dispose]: () => closeDescriptor(fd) };
}

function reasonOf(error: unknown): string {
  switch ((error as { code?: unknown }).code) {
    case "ENOSYS":
      return "this kernel has no quotas, or is older than 5.14";
    case "ESRCH":
    case "EINVAL":
      return "project quotas are not switched on (XFS: mount with pquota; ext4: features quota and project, mount with prjquota)";
    case "EPERM":
      return "the daemon lacks CAP_SYS_ADMIN";
    case "ENOTSUP":
    case "EOPNOTSUPP":
    case "ENOTTY":
      return "this file system has no project quotas (XFS and ext4 can have them)";
    default:
      return messageOf(error);
  }
}
