/**
 * The machine as this room sees it: OCI runtimes, mounts, processes. One interface, so that the life of a
 * container
 * is tested without a kernel; `linux-machine.ts` is the real one.
 */
import type { RootDir } from "../linux/index.ts";
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
  /**
   * A container that was created or found running: its end is told to `onExit`, exactly once, and also where its
   * monitor was killed.
   */
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
  /** Whether kernel and runtime can make a bind read-only with all that is mounted below it. */
  readonly recursiveReadOnly: boolean;
  /** What containers get that don't name their own; for `inspect`. */
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];

  // ——— what the runtime room knows ———

  /** Path of the init that `--init` puts in front. @throws InvalidParameter where none is installed */
  initPath(): string;
  /** @throws InvalidParameter in Docker's words */
  checkResources(
    resources: Resources,
    options: { update: boolean },
  ): { resources: Resources; warnings: string[] };
  /**
   * Capabilities and security options: what can be refused before a container is made. @throws
   * InvalidParameter
   */
  checkSecurity(host: HostConfig): readonly string[];
  /** The AppArmor profile of a container's processes; `undefined` where the kernel has none. */
  appArmorProfile(host: HostConfig): string | undefined;
  buildSpec(input: Omit<SpecInput, "facts" | "devices" | "cdi">): Promise<OciSpec>;
  resolveUser(root: RootDir, user: string, groups: readonly string[]): ResolvedUser;
  /** Docker's default variables (PATH, HOSTNAME, TERM) with these over them. */
  environment(wishes: { hostname: string; tty: boolean; env: readonly string[] }): string[];
  watchExits(
    onExit: (id: string, exit: ContainerExit) => void,
    onOutOfMemory: (id: string) => void,
  ): ExitWatch;
  openInput(bundle: string): Promise<ContainerInput>;
  resizeTerminal(bundle: string, rows: number, columns: number): Promise<void>;
  reopenLog(bundle: string): Promise<void>;
  /** @param cgroup OCI's `cgroupsPath`. @throws NotFound when it has ended */
  stats(cgroup: string): Promise<RawStats>;
  networkCounters(pid: number): Record<string, InterfaceCounters>;
  /** Of all processes in the container, in the daemon's PID namespace. */
  pids(cgroup: string): Promise<number[]>;

  // ——— processes ———

  /** Runs the host's ps(1). Its output is bounded. */
  ps(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  isAlive(pid: number, startTime?: string): boolean;
  killProcess(pid: number, signal: number): void;
  /** @throws InvalidParameter `Invalid signal: x` */
  parseSignal(text: string): number;

  // ——— files and mounts ———

  openRoot(path: string): RootDir;
  closeDescriptor(descriptor: number): void;
  /** A path within a root, held open. */
  holdPath(root: RootDir, path: string): HeldPath;
  /**
   * Binds a host path to a path within a root, which is made where it is missing. Neither looking it up nor
   * mounting
   * follows a link out of the root.
   */
  bindInto(
    root: RootDir,
    path: string,
    source: string,
    options: { recursive: boolean; readOnly: boolean },
  ): void;
  /** Shows a directory or file, with what is mounted below it, at a second place of the same kind. */
  bindMount(source: string, target: string): void;
  mountTmpfs(target: string, options: { sizeBytes: number; mode: number }): void;
  /** Nothing mounted there is fine. */
  detach(target: string): void;
  /** Mount points below a directory, in the order in which they were made. */
  mountsBelow(path: string): string[];
  /** The host's mount that holds a path, and how it propagates: `shared`, `slave`, `private` … */
  mountOf(path: string): { mountPoint: string; propagation: string };
}
