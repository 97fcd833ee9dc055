/**
 * The machine as this room sees it: OCI runtimes, mounts, processes. One interface, so that the life of a container
 * is tested without a kernel; `linux-machine.ts` is the real one.
 */
import type { NetworkNamespace, RootDir } from "../linux/index.ts";
import type {
  ContainerExit,
  ContainerInput,
  InterfaceCounters,
  OciRuntimes,
  OciSpec,
  RawStats,
  ResolvedUser,
  SpecInput,
} from "../runtime/index.ts";
import type { HostConfig, Resources } from "../wire/index.ts";
import type { HeldPath } from "./ports.ts";

export interface ExitWatch extends Disposable {
  /** A container that was created or found running: its end is told to `onExit`, exactly once, and also where its monitor was killed. */
  track(id: string): void;
  /** How it ended, where its monitor has left word. */
  lastExit(id: string): ContainerExit | undefined;
  /** Forgets what the monitor left, before the next start and after the end was told. */
  forget(id: string): void;
}

export interface Machine {
  readonly runtimes: OciRuntimes;
  readonly cgroupVersion: 1 | 2;
  readonly hostname: string;
  /** Path of the init that `--init` puts in front. @throws System where none is installed */
  initPath(): string;
  /** @throws InvalidParameter in Docker's words */
  checkResources(
    resources: Resources,
    options: { update: boolean },
  ): { resources: Resources; warnings: string[] };
  /** Capabilities, security options and the like: what can be refused before a container is made. @throws InvalidParameter */
  checkSecurity(host: HostConfig): void;
  buildSpec(input: Omit<SpecInput, "facts" | "devices" | "cdi">): OciSpec;
  resolveUser(root: RootDir, user: string, groups: readonly string[]): ResolvedUser;
  /** Docker's default variables (PATH, HOSTNAME, TERM, HOME) with these over them. */
  environment(wishes: { hostname: string; tty: boolean; env: readonly string[]; home?: string }): string[];
  watchExits(onExit: (id: string, exit: ContainerExit) => void): ExitWatch;

  openInput(bundle: string): Promise<ContainerInput>;
  resizeTerminal(bundle: string, rows: number, columns: number): Promise<void>;
  reopenLog(bundle: string): Promise<void>;

  /** Of the cgroup that the spec names. */
  stats(record: { id: string; pid: number; cgroupsPath: string }): Promise<RawStats>;
  networkCounters(pid: number): Promise<Record<string, InterfaceCounters>>;
  /** Of all processes in the container, in the daemon's PID namespace. */
  pids(record: { id: string; pid: number; cgroupsPath: string }): Promise<number[]>;

  /** Runs the host's ps(1). Its output is bounded. */
  ps(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  isAlive(pid: number, startTime: string | undefined): boolean;
  killProcess(pid: number, signal: number): void;
  parseSignal(text: string): number;

  openRoot(path: string): RootDir;
  closeDescriptor(descriptor: number): void;
  openNetworkNamespace(path: string): NetworkNamespace;
  /**
   * Binds a host path to a path within a root, which is made where it is missing. Neither looking it up nor mounting
   * follows a link out of the root.
   */
  bindInto(
    root: RootDir,
    path: string,
    source: string,
    options: { recursive: boolean; readOnly: boolean },
  ): void;
  bindMount(source: string, target: string, options: { recursive: boolean; readOnly: boolean }): void;
  mountTmpfs(target: string, options: { sizeBytes: number; mode: number }): void;
  /** Nothing mounted there is fine. */
  detach(target: string): void;
  /** Mount points below a directory, innermost last. */
  mountsBelow(path: string): string[];
  /** The host's mount that holds a path, and how it propagates: `shared`, `slave`, `private` … */
  mountOf(path: string): { mountPoint: string; propagation: string };
  /** Whether kernel and runtime can make a bind read-only with all that is mounted below it. */
  readonly recursiveReadOnly: boolean;
  /** A path within a root, held open. */
  holdPath(root: RootDir, path: string): HeldPath;
}
