/**
 * # Running a container
 *
 * This room turns a decision ("run these arguments, so confined, in this root") into processes, and tells
 * what became of them. It keeps no record of its own: the kernel, the runtime's state directory and the
 * monitor's files are the truth, so that a daemon which starts after another one crashed sees the same.
 *
 * ## Words
 *
 * - **bundle**: a directory with `config.json` (the OCI specification) and `rootfs`. Ours also holds the
 *   monitor's files: `attach` (socket for input), `ctl` (fifo: terminal size, log rotation), `pidfile`.
 * - **runtime**: the program that builds the isolation and then ends: runc, or any other with its interface.
 * - **monitor**: conmon, one small process per container, parent of the container's first process. It keeps the
 *   output and the exit code. It is no child of the daemon and lives on when the daemon is killed.
 * - **exit**: the monitor writes `<execRoot>/exits/<container id>` when the first process has ended.
 *
 * ## A container's life here
 *
 *     create ─→ (created: init waits) ─→ start ─→ (running) ─→ exit ─→ delete
 *        └ failure: nothing is left        └─ kill, pause, resume, update, exec ─┘
 *
 * `create` resolves when the first process exists in its namespaces and cgroup with the root pivoted, and waits before
 * the user's program: the host's mount of the root and the daemon's hold on the network namespace may be given
 * up from then on. `start` lets it go on. `delete` removes everything that the runtime and the monitor left behind; the
 * caller owns the bundle directory, and removes it after `delete`.
 *
 * ## Promises
 *
 * - Every method undoes its own half-done work when it fails. What a crash of the daemon leaves, `delete` with `force` removes.
 * - `delete` and `kill` of something that is gone already succeed silently where said; nothing else is idempotent.
 * - Operations on different containers are independent; on one container the caller does one at a time (only `exec`
 *   and `kill` may overlap anything).
 * - Errors are `RuntimeError` (with Docker's text) where the runtime refused, `EngineError` kinds otherwise.
 */
import type { OutputChunk, StreamInput } from "../lib/index.ts";
import type { ContainerConfig, HostConfig } from "../wire/index.ts";
import type { OciHook, OciHookName, OciIdMapping, OciMount, OciSpec } from "./spec/oci.ts";
import type { UlimitRequest } from "./spec/rlimits.ts";
import type { ResolvedUser } from "./user.ts";

export type { ResolvedUser } from "./user.ts";

/** The runtimes that a container may name (`--runtime`). */
export interface OciRuntimes {
  /** The name that a container gets which names none. */
  readonly default: string;
  /** For `info`: what is configured or known by name and is installed. */
  names(): RuntimeName[];
  /**
   * The runtime by configured name, well-known name (`runc`, `crun`, `youki`, `runsc`, `kata-runtime`) or absolute path; the default for
   * none. It is probed (`--version`) on first use.
   * @throws InvalidParameter `unknown or invalid runtime name: x`
   */
  get(name: string | undefined): Promise<Runtime>;
}

export interface RuntimeName {
  readonly name: string;
  /** Absolute path of the program. */
  readonly path: string;
}

export interface CreateRequest {
  readonly id: string;
  /** Absolute path of an existing directory of ours (mode 0700); `config.json` is written into it. */
  readonly bundle: string;
  /**
   * A promise lets work begin that needs no specification (loading the monitor, making the kernel ready to move a process
   * between cgroups: 3 to 10 ms) beside the caller's own. When it rejects, so does `create`, and nothing is left.
   */
  readonly spec: OciSpec | Promise<OciSpec>;
  /** Where the output is kept in conmon's k8s-file format. Needed by the driver `k8s-file`, unused by the others. */
  readonly logPath?: string;
  /** Default: `k8s-file` with a log path, else `none`. */
  readonly logDriver?: "k8s-file" | "journald" | "none";
  /** Same as `spec.process.terminal`: Docker's `Config.Tty`. */
  readonly tty: boolean;
  /** Docker's `Config.OpenStdin`: without, the process's standard input is /dev/null. */
  readonly stdinOpen: boolean;
  /** Docker's `Config.StdinOnce`: the input ends with the first client that was attached to it. */
  readonly stdinOnce: boolean;
  /** Aborting undoes the creation and rejects. */
  readonly signal?: AbortSignal;
}

export interface CreatedContainer {
  /** The first process's id in the daemon's PID namespace. */
  readonly pid: number;
  /** The kernel's start time of that process (field 22 of /proc/<pid>/stat): tells it from a later process with its number. */
  readonly startTime: string;
  readonly conmonPid: number;
}

export interface ExecRequest {
  readonly args: readonly string[];
  /** The whole environment, defaults included (see `processEnvironment`). */
  readonly env: readonly string[];
  /** Absolute; the caller has put the container's own working directory here where the client named none. */
  readonly cwd: string;
  readonly user: ResolvedUser;
  /** The container's: capabilities, no-new-privileges, AppArmor profile are taken from here. */
  readonly host: HostConfig;
  /** `docker exec --privileged`. */
  readonly privileged: boolean;
  readonly tty: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  /** Which streams the client wants. Unwanted output goes to /dev/null; with a tty there is one stream. */
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** No stream is kept; `exited` still tells the code. */
  readonly detach: boolean;
  readonly signal?: AbortSignal;
}

/** A process in a running container beside its first one. Disposing of it leaves the process alone and lets go of its streams. */
export interface ExecProcess extends AsyncDisposable {
  /** In the daemon's PID namespace. */
  readonly pid: number;
  /**
   * May be iterated once. The process is slowed down to the reader's speed: at most some 256 KiB are held here.
   * Ends when the last holder of the streams has closed them, or the process has ended and all it wrote was read.
   */
  readonly output: AsyncIterable<OutputChunk>;
  /** Where `stdin` was asked for. */
  readonly input?: StreamInput;
  /** No effect without a tty or after the end. */
  resize(rows: number, columns: number): void;
  /** Signals the process itself; nothing happens when it has ended. */
  kill(signal: number): void;
  /** 0–255, 128 + n for a signal. Never rejects. */
  readonly exited: Promise<{ code: number }>;
}

/** A process that somebody waits for: it has no monitor, no input and no terminal, and ends with the daemon's interest in it. */
export interface RunOnceRequest {
  readonly id: string;
  /** Absolute path of an existing directory of the caller's (mode 0700), who removes it afterwards. */
  readonly bundle: string;
  /** A promise lets work begin beside it that needs no specification. */
  readonly spec: OciSpec | Promise<OciSpec>;
  /** Aborting kills all processes at once; the call rejects when they are gone. */
  readonly signal: AbortSignal;
  /** What it prints, as it comes. */
  readonly onOutput: (stream: 1 | 2, bytes: Uint8Array) => void;
}

export interface RunOnceEnd {
  /** 0–255; 128 + n for a signal. */
  readonly code: number;
  /** The kernel killed some process of it for want of memory. Not every runtime lets that be known. */
  readonly oomKilled: boolean;
  /** Resolves when state and cgroup are gone too, which nobody need wait for. Never rejects. */
  readonly removed: Promise<void>;
}

export interface Runtime {
  readonly name: string;
  readonly path: string;
  /** What `--version` says of itself: `1.1.5+ds1`. */
  readonly version: string;

  /**
   * Starts monitor and container; resolves when the first process waits to be started.
   * @throws RuntimeError with the runtime's own last error line. `exitCode` is 127 where the command was not found, 126
   * where it cannot be executed, else 128: what `docker start` makes the state's exit code.
   */
  create(request: CreateRequest): Promise<CreatedContainer>;

  /** Lets a created container's process go on to the user's program. @throws RuntimeError as for `create`. */
  start(id: string): Promise<void>;

  /**
   * Sends a signal to the first process, or to all of them. A process that has ended already is no error.
   * @throws NotFound when the runtime knows no such container
   */
  kill(id: string, signal: number, options?: { all?: boolean }): Promise<void>;

  /**
   * Removes what runtime and monitor keep: state, cgroups. Idempotent. A process that still lives is an error,
   * unless `force`: then everything in the container is killed first, its monitor too.
   * @throws Conflict
   */
  delete(id: string, options?: { force?: boolean }): Promise<void>;

  /** Freezes and thaws all processes; returns when the kernel says so. */
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;

  /** Applies the limits of `docker update` (of the host configuration as it is to be) to a live container; 0 or absent leaves a limit alone. */
  update(id: string, resources: HostConfig): Promise<void>;

  /**
   * Starts a process in a running container; resolves when it runs.
   * @throws RuntimeError with `exitCode` 126 or 127 and Docker's text where it cannot.
   */
  exec(id: string, request: ExecRequest): Promise<ExecProcess>;

  /**
   * Creates a container, runs its process to the end and deletes it. When this returns or fails no process is left.
   * @throws RuntimeError as `create`; the signal's reason
   */
  runOnce(request: RunOnceRequest): Promise<RunOnceEnd>;

  /** Kills and removes what a daemon that was killed had run once from this bundle. Idempotent. */
  endRun(id: string, bundle: string): Promise<void>;
}

/** How a container's first process ended. */
export interface ContainerExit {
  /** 0–255; 128 + n for a signal; 255 where nobody knows, since monitor and container were killed together. */
  readonly code: number;
  readonly oomKilled: boolean;
  readonly finishedAt: Date;
}

/** An input of a container that has an open standard input; several may be open at once, the bytes mix as with Docker. */
export interface ContainerInput extends StreamInput, AsyncDisposable {}

/** A mount that the containers room has resolved: bind mounts, volumes, tmpfs, /etc/hosts and its siblings. */
export interface SpecMount {
  /** Absolute path on the host; absent for a file system without one (tmpfs). */
  readonly source?: string;
  /** Absolute path in the container, cleaned (no `.`, `..`, double or trailing slash). */
  readonly destination: string;
  readonly type: "bind" | "tmpfs" | (string & {});
  /** OCI options: `rbind`, `ro`, `rprivate`, `size=65536k` … */
  readonly options: readonly string[];
}

/** A namespace of the container: its own, the host's, or that at a path. */
export type SpecNamespace = "new" | "host" | { readonly path: string };

export interface SpecNamespaces {
  readonly network: SpecNamespace;
  readonly pid: SpecNamespace;
  readonly ipc: SpecNamespace;
  readonly uts: SpecNamespace;
  readonly cgroup: SpecNamespace;
  /** `host` unless the daemon remaps users; a path to share a remapped container's. */
  readonly user: SpecNamespace;
}

/** Which limits this kernel's cgroups know. */
export interface CgroupLimits {
  readonly memory: boolean;
  readonly swap: boolean;
  readonly memoryReservation: boolean;
  readonly memorySwappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly cpuShares: boolean;
  readonly cpuCfs: boolean;
  readonly cpuRealtime: boolean;
  readonly cpuset: boolean;
  readonly pids: boolean;
  readonly blkioWeight: boolean;
  readonly blkioWeightDevice: boolean;
  readonly blkioThrottle: boolean;
  /** What `--cpuset-cpus` and `--cpuset-mems` may name: `0-3`. */
  readonly cpus: string;
  readonly mems: string;
}

/** What the pure spec builder must know of the machine. Collected once by `hostFacts()`; tests write their own. */
export interface HostFacts {
  readonly cgroupVersion: 1 | 2;
  /** `x86_64`, `aarch64` …: as uname(2) says. */
  readonly machine: string;
  readonly kernelVersion: readonly [major: number, minor: number];
  /** Of those that a seccomp profile may name, the ones whose programs this kernel does not run: `SCMP_ARCH_X32`. */
  readonly unusableArchitectures: ReadonlySet<string>;
  /** The kernel's capabilities that this daemon itself has, which is the most it can give. */
  readonly capabilities: ReadonlySet<string>;
  readonly appArmor: boolean;
  readonly seccomp: boolean;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** The hard limits of this daemon: a container's limits cannot exceed them without CAP_SYS_RESOURCE. */
  readonly hardLimits: ReadonlyMap<string, number>;
  readonly limits: CgroupLimits;
  /** Directories `thermal_throttle` of each CPU, to be masked. */
  readonly thermalThrottlePaths: readonly string[];
}

/** A character or block device of the host, as found by `statDevice`. */
export interface HostDevice {
  readonly path: string;
  /** Found in a directory that was asked for: its path below it, with the leading slash. */
  readonly below?: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** How the builder looks at the host's devices; golden tests hand in a table. */
export interface DeviceFinder {
  /** The device at a path (links followed), every device below it for a directory, `undefined` where there is nothing. */
  find(path: string): readonly HostDevice[] | undefined;
  /** Every device of /dev, for `--privileged`. */
  all(): readonly HostDevice[];
}

/** What the host's CDI files say (Container Device Interface 0.8). */
export interface CdiRegistry {
  /** Fully qualified names: `vendor.com/class=name`. */
  names(): readonly string[];
  /** The edits of a device, its file's general ones apart; `undefined` where no file defines it. */
  find(
    name: string,
  ): { readonly device: CdiEdits; readonly file: CdiEdits; readonly kind: string } | undefined;
}

/** The `containerEdits` of a CDI file, checked. */
export interface CdiEdits {
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly OciMount[];
  readonly hooks: readonly { readonly name: OciHookName; readonly hook: OciHook }[];
  readonly additionalGids: readonly number[];
}

export interface CdiDeviceNode {
  readonly path: string;
  readonly hostPath?: string;
  readonly type?: "b" | "c" | "u" | "p";
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly permissions?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface SpecInput {
  readonly id: string;
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  /** Entrypoint and command, joined; not empty. */
  readonly args: readonly string[];
  /** The whole environment, defaults included (see `processEnvironment`). */
  readonly env: readonly string[];
  /** Absolute; `/` where neither image nor request names one. */
  readonly cwd: string;
  readonly user: ResolvedUser;
  readonly hostname: string;
  readonly domainname?: string;
  /** Absolute path of the root file system on the host. */
  readonly rootfs: string;
  readonly readonlyRootfs: boolean;
  readonly mounts: readonly SpecMount[];
  readonly namespaces: SpecNamespaces;
  /** Absolute path below each hierarchy's root: `/berth`. The container's own cgroup is `<parent>/<id>`. */
  readonly cgroupParent: string;
  /** Host path of the init of `--init`; see `findInit`. */
  readonly initPath?: string;
  /** Custom seccomp profile (JSON text, already read from the client's request); else the default one. */
  readonly seccompProfile?: string;
  /** The daemon's `default-ulimits`. */
  readonly defaultUlimits?: readonly UlimitRequest[];
  readonly defaultShmSizeBytes?: number;
  readonly idMappings?: { readonly uid: readonly OciIdMapping[]; readonly gid: readonly OciIdMapping[] };
  readonly facts: HostFacts;
  readonly devices: DeviceFinder;
  /** Needed for `--gpus` and `--device vendor/class=name`; `readCdiRegistry()` where the request has any. */
  readonly cdi?: CdiRegistry;
}

/** CPU, memory, pids and block I/O of one cgroup, in the shape and units of Docker's ContainerStats. */
export interface RawStats {
  readonly cpu_stats: RawCpuStats;
  readonly memory_stats: RawMemoryStats;
  readonly pids_stats: { readonly current?: number; readonly limit?: number };
  readonly blkio_stats: RawBlkioStats;
}

export interface RawCpuStats {
  readonly cpu_usage: {
    /** Nanoseconds, as are all of these. */
    readonly total_usage: number;
    /** Only on cgroup v1. */
    readonly percpu_usage?: readonly number[];
    readonly usage_in_kernelmode: number;
    readonly usage_in_usermode: number;
  };
  /** Nanoseconds that the host's CPUs have spent, for the client's percentage. */
  readonly system_cpu_usage: number;
  readonly online_cpus: number;
  readonly throttling_data: {
    readonly periods: number;
    readonly throttled_periods: number;
    readonly throttled_time: number;
  };
}

export interface RawMemoryStats {
  /** Bytes, page cache included: clients subtract `total_inactive_file` (v1) or `inactive_file` (v2). */
  readonly usage?: number;
  /** Only on v1. */
  readonly max_usage?: number;
  readonly failcnt?: number;
  readonly stats?: Readonly<Record<string, number>>;
  /** The container's limit, or the host's memory where it has none. */
  readonly limit?: number;
}

export interface RawBlkioEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

/** `null` where the kernel does not count it, as Docker writes it. */
export interface RawBlkioStats {
  readonly io_service_bytes_recursive: readonly RawBlkioEntry[] | null;
  readonly io_serviced_recursive: readonly RawBlkioEntry[] | null;
  readonly io_queue_recursive: readonly RawBlkioEntry[] | null;
  readonly io_service_time_recursive: readonly RawBlkioEntry[] | null;
  readonly io_wait_time_recursive: readonly RawBlkioEntry[] | null;
  readonly io_merged_recursive: readonly RawBlkioEntry[] | null;
  readonly io_time_recursive: readonly RawBlkioEntry[] | null;
  readonly sectors_recursive: readonly RawBlkioEntry[] | null;
}

/** One interface's counters as in Docker's ContainerStats `networks`. */
export interface InterfaceCounters {
  readonly rx_bytes: number;
  readonly rx_packets: number;
  readonly rx_errors: number;
  readonly rx_dropped: number;
  readonly tx_bytes: number;
  readonly tx_packets: number;
  readonly tx_errors: number;
  readonly tx_dropped: number;
}

/** What `info` and `version` tell about the host's ability to run containers. */
export interface HostReport {
  readonly cgroupVersion: 1 | 2;
  readonly cgroupDriver: "cgroupfs";
  readonly limits: CgroupLimits;
  /** Docker's: `name=seccomp,profile=builtin`, `name=apparmor`, `name=cgroupns`. */
  readonly securityOptions: readonly string[];
  readonly runcVersion?: string;
  readonly crunVersion?: string;
  readonly monitorVersion?: string;
  readonly initVersion?: string;
  /** Sentences for `info`'s warnings. */
  readonly warnings: readonly string[];
}
