import type { Cgroups } from "./cgroups/contract.ts";
import type { HostFacts } from "./contract.ts";
import type { UlimitRequest } from "./spec/rlimits.ts";

/** Everything that a runtime needs of its surroundings. */
export interface RuntimeHost {
  /** Absolute; empty where conmon is not installed. */
  readonly conmonPath: string;
  readonly execRoot: string;
  readonly cgroups: Cgroups;
  readonly facts: HostFacts;
  /** Monitors are moved into `<this>/monitors`, out of reach of whoever kills the daemon's cgroup. */
  readonly cgroupParent: string;
  /** The daemon's `default-ulimits`, which exec'd processes get too. */
  readonly defaultUlimits?: readonly UlimitRequest[];
}
