/**
 * # Between a container's life and its streams
 *
 * The life (create, start, exit, remove) and the streams (output, input, exec'd processes, health checks) are
 * two halves
 * of this room. The life calls `Outputs`, `Execs` and `Health`; these call `StreamsHost`. Neither half
 * imports a file
 * of the other but this one.
 *
 * For one container the calls come in this order, one at a time:
 *
 *     outputs.resolve ─→ (outputs.prepare ─→ outputs.started ─→ health.start ─→ … ─→ health.stop ─→ execs.endAll
 *        (at create)        ─→ outputs.ended) any number of times ─→ execs.remove, outputs.remove
 *
 * `outputs.failed` takes the place of `started … ended` where the start failed. After the daemon's start,
 * `adopt` takes the place of
 * `prepare` and `started` for containers that run, and `ended` follows at once for those that ended meanwhile.
 * `logs` and `attach` may be called at any time between `resolve` and `remove`.
 */
import type { OutputChunk, StreamSession } from "../lib/index.ts";
import type { ContainerInput, ExecProcess, ExecRequest, Runtime } from "../runtime/index.ts";
import type { ExecConfig, ExecInspect, Health, LogConfig } from "../wire/index.ts";
import type { ContainerRecord } from "./record.ts";

/** What the streams may ask of the life. */
export interface StreamsHost {
  /** `<dataRoot>/containers/<id>`: logs live here. It exists from create to remove. */
  containerDirectory(id: string): string;
  /** `<execRoot>/containers/<id>`: bundle and the monitor's sockets. It exists while the container runs. */
  bundle(id: string): string;
  /** The record as it is now; the same object for as long as the container exists. */
  record(id: string): ContainerRecord | undefined;
  runtimeOf(record: ContainerRecord): Promise<Runtime>;
  openInput(bundle: string): Promise<ContainerInput>;
  resizeTerminal(bundle: string, rows: number, columns: number): Promise<void>;
  reopenLog(bundle: string): Promise<void>;
  /**
   * Starts a process in the container as `docker exec` does: user, groups, environment (HOME, TERM, the
   * container's own)
   * and working directory are resolved here, for execs and health checks alike.
   * @throws Conflict where the container is not running (`container <id> is not running`) or is paused.
   */
  exec(record: ContainerRecord, process: ProcessRequest): Promise<ExecProcess>;
  /** An event of type container with Docker's attributes (labels, `image`, `name`) and these. */
  emit(record: ContainerRecord, action: string, attributes?: Readonly<Record<string, string>>): void;
  /** Keeps the health in the record. The streams emit `health_status: …` themselves. */
  healthChanged(record: ContainerRecord, health: Health): void;
  /** `--health-on-failure`: never rejects, never waits for the streams. */
  kill(id: string): void;
  stop(id: string): void;
  restart(id: string): void;
}

/** What an exec or a health check wants to run; what is absent is the container's own. */
export interface ProcessRequest
  extends Pick<ExecRequest, "tty" | "consoleSize" | "stdin" | "stdout" | "stderr" | "detach"> {
  readonly args: readonly string[];
  /** Beside the container's: `A=1` sets; */
  readonly env: readonly string[];
  readonly cwd?: string;
  readonly user?: string;
  readonly privileged: boolean;
  readonly signal?: AbortSignal;
}

/** What the monitor is told to keep. */
export interface PreparedOutput {
  readonly driver: "k8s-file" | "journald" | "none";
  /** Of the monitor's log. */
  readonly logPath?: string;
}

export interface LogsOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Nanoseconds since the epoch. */
  readonly since?: bigint;
  readonly until?: bigint;
  readonly timestamps: boolean;
  /** Lines from the end; absent: all. */
  readonly tail?: number;
  readonly follow: boolean;
  /** `label=value,…` before each line, of the labels and variables that the log options name. */
  readonly details: boolean;
}

export interface AttachOptions {
  /** What was printed since the last start comes first. */
  readonly logs: boolean;
  /** Go on with what will be printed. */
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** `ctrl-p,ctrl-q`; empty or absent: the default. Only looked for with a tty and stdin. */
  readonly detachKeys?: string;
}

export interface LogsSession {
  readonly tty: boolean;
  readonly output: AsyncIterable<OutputChunk>;
}

/** All containers' output and input. */
export interface Outputs {
  /**
   * Checks the driver and its options and fills in the daemon's defaults: what `HostConfig.LogConfig` becomes.
   * @throws InvalidParameter `unknown log opt 'x' for json-file log driver`, `logger: no log driver named 'x'
   * is registered`
   */
  resolve(config: LogConfig | null | undefined, options: { tty: boolean }): LogConfig;
  /** What `inspect` shows as LogPath; empty where the driver keeps no file. */
  logPath(record: ContainerRecord): string;
  /** Before the monitor is started. */
  prepare(record: ContainerRecord): Promise<PreparedOutput>;
  /** The first process runs (or is about to): whoever attached before gets input and output from here on. */
  started(record: ContainerRecord): void;
  /** The start failed after `prepare`: nothing was printed. Those who attached are let go. */
  failed(record: ContainerRecord): void;
  /** The daemon was started under a running container, or under one whose end is about to be told by `ended`. */
  adopt(record: ContainerRecord): void;
  /** It was asked to end: nobody's slowness keeps it from printing its last words. */
  ending(record: ContainerRecord): void;
  /** The monitor is gone and its log complete: readers that follow end once they have read all of it. */
  ended(record: ContainerRecord): void;
  /** After `ended`: resolves when those who are attached have been given all of it, or after a moment. */
  delivered(record: ContainerRecord): Promise<void>;
  /** The container is being removed: its files may go. Readers with the files open end by themselves. */
  remove(id: string): void;
  /** @throws where the driver cannot be read: `configured logging driver does not support reading` */
  logs(record: ContainerRecord, options: LogsOptions, signal: AbortSignal): Promise<LogsSession>;
  /** Listening begins with this call, not with the first read. May be called before the container starts. */
  attach(record: ContainerRecord, options: AttachOptions, signal: AbortSignal): Promise<StreamSession>;
  /** Lets go of everything, containers run on. */
  close(): void | Promise<void>;
}

export interface ExecStartOptions {
  readonly detach: boolean;
  readonly tty: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  /** Called once it is sure that the exec is run, and before its process can print anything. */
  readonly onAccepted?: () => void;
}

export interface Execs {
  /**
   * Emits `exec_create: …`. @throws Conflict not running, paused; InvalidParameter `No exec command
   * specified`
   */
  create(record: ContainerRecord, config: ExecConfig): { Id: string };
  /** @throws NotFound `No such exec instance: x` */
  start(execId: string, options: ExecStartOptions, signal: AbortSignal): Promise<StreamSession | undefined>;
  resize(execId: string, rows: number, columns: number): void | Promise<void>;
  inspect(execId: string): ExecInspect;
  /** `ExecIDs` of `inspect`. */
  idsOf(containerId: string): string[];
  /** The container ended: its execs have too. */
  endAll(containerId: string): void;
  /** The container is gone: forget its execs. */
  remove(containerId: string): void;
}

export interface HealthMonitor {
  /**
   * The container started (or was adopted): sets `record.state.health` through `healthChanged` and begins to
   * check. No effect without a check.
   */
  start(record: ContainerRecord, options: { adopted: boolean }): void;
  pause(id: string): void;
  resume(id: string): void;
  /** No timer and no check is left. */
  stop(id: string): void;
  close(): void;
}

export interface Streams {
  readonly outputs: Outputs;
  readonly execs: Execs;
  readonly health: HealthMonitor;
}

export type CreateStreams = (host: StreamsHost) => Streams;
