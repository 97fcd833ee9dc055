/** What callers of this room hand in and get back, beside the words of `wire/`. */
import type { ContainerConfig, PathStat } from "../wire/index.ts";

/**
 * Docker's filters: `{ status: ["running", "paused"] }`. Values of one key are alternatives, keys are joined
 * by "and".
 */
export type Filters = Readonly<Record<string, readonly string[]>>;

export interface CreateOptions {
  readonly name?: string;
  /** `linux/amd64` */
  readonly platform?: string;
  /** Clients before API 1.44 mean only the mount itself by `ro`, not those below it. */
  readonly readOnlyNonRecursive?: boolean;
}

export interface StopOptions {
  /** Name or number; default: the container's own. */
  readonly signal?: string;
  /** Seconds until SIGKILL; -1: never; default: the container's own, else 10. */
  readonly timeoutSeconds?: number;
}

export interface RemoveOptions {
  readonly force: boolean;
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
  /** Remove a link, not the container. */
  readonly link: boolean;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface WaitResult {
  readonly statusCode: number;
  readonly error?: { readonly Message: string };
}

export interface ListOptions {
  /** Those that don't run, too. */
  readonly all: boolean;
  /** The newest n; implies `all`. */
  readonly limit?: number;
  readonly size: boolean;
  readonly filters: Filters;
}

export interface StatsOptions {
  readonly stream: boolean;
  /** Don't wait a second for a first sample to compare with. */
  readonly oneShot: boolean;
}

export interface CommitRequestOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Default: true. */
  readonly pause: boolean;
  /** Dockerfile instructions: `CMD ["x"]`. */
  readonly changes: readonly string[];
  /** Takes the place of the container's configuration. */
  readonly config?: ContainerConfig;
}

export interface PruneReport {
  readonly ContainersDeleted: string[];
  readonly SpaceReclaimed: number;
}

export interface ArchivePutOptions {
  /** A directory never takes a file's place, nor the other way round. */
  readonly noOverwriteDirNonDir: boolean;
  /** Keep the archive's owners as numbers of the container. */
  readonly copyUIDGID: boolean;
}

export interface ArchiveGetResult {
  readonly stat: PathStat;
  readonly tar: AsyncIterable<Uint8Array>;
}

export interface Counts {
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
}
