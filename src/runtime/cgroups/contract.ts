/**
 * # Control groups
 *
 * A **cgroup** here is a path as `/proc/<pid>/cgroup` shows it and OCI's `cgroupsPath` has it: `/berth/<container id>`, the same in each hierarchy.
 * Version 1 has a hierarchy per controller (and often a version 2 tree beside them that has none that we need:
 * "hybrid"); version 2 has one. Whoever uses this interface need not know which.
 *
 * The runtime makes a container's cgroup and sets its limits. This room reads what is counted, freezes, finds
 * processes, and removes the cgroup when all are gone.
 *
 * A cgroup that is not there has no processes, nothing to thaw and nothing to remove; asking for its statistics
 * or to freeze it is NotFound.
 */
import type { CgroupLimits, RawStats } from "../contract.ts";

export interface Cgroups {
  readonly version: 1 | 2;
  readonly limits: CgroupLimits;

  stats(cgroup: string): Promise<RawStats>;

  /** Ids, in the daemon's PID namespace, of all processes in the cgroup and below it. */
  processes(cgroup: string): Promise<number[]>;

  /** How many processes the kernel has killed here for want of memory. */
  oomKills(cgroup: string): number;

  /** Returns when every process has stopped. @throws System when the kernel did not manage it */
  freeze(cgroup: string): Promise<void>;

  thaw(cgroup: string): Promise<void>;

  isFrozen(cgroup: string): boolean;

  /** Sends a signal to every process in the cgroup and below it, none escaping by forking. */
  signalAll(cgroup: string, signal: number): Promise<void>;

  /**
   * Removes the cgroup and all below it in every hierarchy. Processes that are just dying are waited for.
   * @throws System when some live on
   */
  remove(cgroup: string): Promise<void>;

  /**
   * A process is about to be put into a cgroup. Unless somebody did that just before, the kernel first waits out an RCU grace period
   * (4 to 20 ms: cgroup_threadgroup_rwsem has to leave its readers' fast path). This waits it out beside
   * whatever else is to be done, by "moving" the daemon into the cgroup that it is in. Never fails, nobody need wait for it.
   */
  anticipateAttach(): void;

  /** Moves a process into a cgroup, which is made; only in the hierarchies by which service managers kill. */
  shelter(pid: number, cgroup: string): Promise<void>;

  /** Removes a cgroup if it is empty, else leaves it alone. */
  removeIfEmpty(cgroup: string): void;
}

/** The machine as a test sees fit: where the trees are mounted and where the kernel tells about itself. */
export interface CgroupHost {
  /** Default `/sys/fs/cgroup`. */
  readonly root?: string;
  /** Default `/proc`. */
  readonly proc?: string;
}
