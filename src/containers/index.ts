/** The door of the room in which containers live. */
import type { StreamSession } from "../lib/index.ts";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerStats,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  ExecConfig,
  ExecInspect,
  FilesystemChange,
  PathStat,
} from "../wire/index.ts";
import type {
  ArchiveGetResult,
  ArchivePutOptions,
  CommitRequestOptions,
  Counts,
  CreateOptions,
  Filters,
  ListOptions,
  PruneReport,
  RemoveOptions,
  StatsOptions,
  StopOptions,
  WaitCondition,
  WaitResult,
} from "./requests.ts";
import type { AttachOptions, ExecStartOptions, LogsOptions, LogsSession } from "./streams-contract.ts";

export type * from "./ports.ts";
export type * from "./record.ts";
export type * from "./requests.ts";
export type { AttachOptions, ExecStartOptions, LogsOptions, LogsSession } from "./streams-contract.ts";

/**
 * All containers of this engine. `ref` is an id, a name or the beginning of an id.
 * Every method that takes one throws NotFound `No such container: x`.
 */
export interface ContainersShape {
  create(request: ContainerCreateRequest, options: CreateOptions): Promise<ContainerCreateResponse>;
  /** @throws NotModified where it runs already */
  start(ref: string, options?: { detachKeys?: string; checkpoint?: string }): Promise<void>;
  /** @throws NotModified where it does not run */
  stop(ref: string, options?: StopOptions): Promise<void>;
  restart(ref: string, options?: StopOptions): Promise<void>;
  kill(ref: string, signal?: string): Promise<void>;
  pause(ref: string): Promise<void>;
  unpause(ref: string): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  remove(ref: string, options: RemoveOptions): Promise<void>;
  update(ref: string, request: ContainerUpdateRequest): Promise<ContainerUpdateResponse>;
  /** Waiting begins with this call (throws at once where there is no such container), the promise tells the end. */
  wait(ref: string, condition: WaitCondition, signal: AbortSignal): Promise<WaitResult>;
  list(options: ListOptions): Promise<ContainerSummary[]>;
  inspect(ref: string, options: { size: boolean }): Promise<ContainerInspect>;
  top(ref: string, psArgs: string): Promise<ContainerTop>;
  stats(ref: string, options: StatsOptions, signal: AbortSignal): AsyncIterable<ContainerStats>;
  logs(ref: string, options: LogsOptions, signal: AbortSignal): Promise<LogsSession>;
  attach(ref: string, options: AttachOptions, signal: AbortSignal): Promise<StreamSession>;
  resize(ref: string, rows: number, columns: number): Promise<void>;
  changes(ref: string): Promise<FilesystemChange[]>;
  exportTar(ref: string): AsyncIterable<Uint8Array>;
  commit(ref: string, options: CommitRequestOptions): Promise<{ Id: string }>;
  prune(filters: Filters): Promise<PruneReport>;
  archiveStat(ref: string, path: string): Promise<PathStat>;
  archiveGet(ref: string, path: string): Promise<ArchiveGetResult>;
  archivePut(
    ref: string,
    path: string,
    body: AsyncIterable<Uint8Array>,
    options: ArchivePutOptions,
  ): Promise<void>;
  execCreate(ref: string, config: ExecConfig): Promise<{ Id: string }>;
  execStart(
    execId: string,
    options: ExecStartOptions,
    signal: AbortSignal,
  ): Promise<StreamSession | undefined>;
  execResize(execId: string, rows: number, columns: number): Promise<void>;
  execInspect(execId: string): Promise<ExecInspect>;
  counts(): Counts;
  /** At the daemon's start, once, before any other call. */
  recover(): Promise<void>;
  /** Leaves everything running and lets go of it. */
  shutdown(): Promise<void>;
}
