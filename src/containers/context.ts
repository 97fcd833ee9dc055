import type { EmitEvent } from "../lib/index.ts";
import type { Trash } from "../store/index.ts";
import type { LogConfig } from "../wire/index.ts";
import type { ExitWatch, Machine } from "./machine.ts";
import type { Paths } from "./paths.ts";
import type { Endpoints, Images, Snapshots, VolumeMounts } from "./ports.ts";
import type { Repository } from "./repository.ts";
import type { Restarts } from "./restart-policy.ts";
import type { Runs } from "./run.ts";
import type { SerialQueues } from "./serial.ts";
import type { Streams } from "./streams-contract.ts";
import { nowNanoseconds } from "./time.ts";
import type { Waiters } from "./wait.ts";

/** What the daemon's configuration decides for containers that don't say otherwise. */
export interface ContainerDefaults {
  readonly logConfig?: LogConfig;
  /** Bytes; default 64 MiB. */
  readonly shmSize?: number;
  /** `private` or `shareable`. */
  readonly ipcMode?: string;
  /** `private` or `host`; default: `private` on cgroup v2, `host` on v1. */
  readonly cgroupnsMode?: string;
  /** `--init` for all. */
  readonly init?: boolean;
  readonly ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  /** Absolute path below each cgroup hierarchy's root: `/berth`. */
  readonly cgroupParent: string;
  /** JSON text of the seccomp profile for all; absent: the built-in one. */
  readonly seccompProfile?: string;
  readonly noNewPrivileges?: boolean;
  /** Seconds between the stop signal and SIGKILL; default 10. */
  readonly stopTimeout?: number;
}

/** Timers as this room uses them; tests put a clock of their own in. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** The same in nanoseconds, as finely as the machine tells. */
  nanoseconds(): bigint;
  /** Calls back once, unless cancelled. Never keeps the process alive. */
  after(milliseconds: number, callback: () => void): { cancel(): void };
}

export const realClock: Clock = {
  now: () => Date.now(),
  nanoseconds: nowNanoseconds,
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Everything that the operations of this room work with. */
export interface Context {
  readonly paths: Paths;
  readonly defaults: ContainerDefaults;
  readonly repository: Repository;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly endpoints: Endpoints;
  readonly volumes: VolumeMounts;
  readonly machine: Machine;
  readonly trash: Trash;
  readonly streams: Streams;
  readonly queues: SerialQueues;
  readonly runs: Runs;
  readonly waiters: Waiters;
  readonly restarts: Restarts;
  readonly exits: ExitWatch;
  readonly clock: Clock;
  readonly emitEvent: EmitEvent;
  /** Writes down what was emitted up to now; inside of a transaction, as a part of it. */
  readonly keepEvents: () => void;
  /** Aborted when the daemon lets go of its containers. */
  readonly closing: AbortSignal;
  /** What is being brought to life just now, to be given up where somebody removes it meanwhile. */
  readonly starts: Map<string, AbortController>;
  /** Containers whose removal somebody asked for and that is under way. */
  readonly removals: Set<string>;
  /** Ends the streams of statistics of a container that is gone. */
  readonly stopSampling: (id: string) => void;
}
