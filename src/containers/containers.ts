import { type EmitEvent, kindOf, log, messageOf, notFound, type StreamSession } from "../lib/index.ts";
import { connectDatagram } from "../linux/index.ts";
import type { Database, Trash } from "../store/index.ts";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerStats,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  EndpointSettings,
  ExecConfig,
  ExecInspect,
  FilesystemChange,
  PathStat,
} from "../wire/index.ts";
import { archiveGet, archivePut, archiveStat } from "./archive/archive.ts";
import { type Clock, type ContainerDefaults, type Context, realClock } from "./context.ts";
import { createContainer } from "./create.ts";
import { notRunning } from "./errors.ts";
import { emit } from "./events.ts";
import { freezeContainers } from "./freeze.ts";
import { commitContainer, containerChanges, exportContainer } from "./image-of-container.ts";
import { inspectContainer } from "./inspect.ts";
import { byLinkName, removeLink } from "./links.ts";
import { listContainers } from "./list.ts";
import type { Machine } from "./machine.ts";
import { connectNetwork, disconnectNetwork } from "./network-connect.ts";
import { tellOutOfMemory } from "./out-of-memory.ts";
import { Paths } from "./paths.ts";
import { pauseContainer, unpauseContainer } from "./pause.ts";
import type { Endpoints, Images, Snapshots, VolumeMounts } from "./ports.ts";
import { startProcess } from "./process.ts";
import { pruneContainers } from "./prune.ts";
import { type ContainerRecord, hasProcess } from "./record.ts";
import { recover } from "./recover.ts";
import { removeContainer } from "./remove.ts";
import { renameContainer } from "./rename.ts";
import { Repository } from "./repository.ts";
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
import { Restarts } from "./restart-policy.ts";
import { Runs } from "./run.ts";
import { SerialQueues } from "./serial.ts";
import { startContainer } from "./start.ts";
import { containerStats, StatsSampler, sampleOf } from "./stats.ts";
import { killContainer, restartContainer, stopContainer } from "./stop.ts";
import { createStreams } from "./streams.ts";
import type {
  AttachOptions,
  CreateStreams,
  ExecStartOptions,
  LogsOptions,
  LogsSession,
  StreamsHost,
} from "./streams-contract.ts";
import { topContainer } from "./top.ts";
import { updateContainer } from "./update.ts";
import { Waiters, wait } from "./wait.ts";

export type { ContainerDefaults } from "./context.ts";

/** How long the daemon's end waits for operations on containers. */
const PATIENCE_MS = 10_000;

export interface ContainersOptions {
  /** Holds `containers/`. */
  readonly dataRoot: string;
  /** Holds `containers/` (bundles), `exits/` and `mounts/`. */
  readonly execRoot: string;
  readonly database: Database;
  readonly trash: Trash;
  readonly emit: EmitEvent;
  /** Writes down what was emitted up to now; events are kept in batches otherwise. */
  readonly keepEvents?: () => void;
  readonly defaults: ContainerDefaults;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly endpoints: Endpoints;
  readonly volumes: VolumeMounts;
  readonly machine: Machine;
  /** Default: the real ones. */
  readonly streams?: CreateStreams;
  readonly clock?: Clock;
}

/**
 * All containers of this engine. `ref` is an id, a name or the beginning of an id; every method that takes
 * one throws
 * NotFound `No such container: x`, and those that return a stream throw before they return it.
 */
export class Containers {
  readonly #context: Context;
  readonly #sampler: StatsSampler;
  readonly #closing: AbortController;

  /** @see openContainers */
  constructor(context: Context, closing: AbortController, sampler: StatsSampler) {
    this.#context = context;
    this.#closing = closing;
    this.#sampler = sampler;
  }

  /** For tests: what is held for containers, all of which must go with them. */
  get held(): Readonly<Record<"runs" | "waiters" | "restarts" | "queues" | "samplers", number>> {
    const { runs, waiters, restarts, queues } = this.#context;
    return {
      runs: runs.size,
      waiters: waiters.size,
      restarts: restarts.size,
      queues: queues.size,
      samplers: this.#sampler.size,
    };
  }

  create(request: ContainerCreateRequest, options: CreateOptions = {}): Promise<ContainerCreateResponse> {
    return createContainer(this.#context, request, options);
  }

  /** @throws NotModified where it runs already */
  async start(ref: string, options: { detachKeys?: string; checkpoint?: string } = {}): Promise<void> {
    await startContainer(this.#context, this.#find(ref), options);
  }

  /** @throws NotModified where it does not run */
  async stop(ref: string, options: StopOptions = {}): Promise<void> {
    await stopContainer(this.#context, this.#find(ref), ref, options);
  }

  async restart(ref: string, options: StopOptions = {}): Promise<void> {
    await restartContainer(this.#context, this.#find(ref), ref, options);
  }

  async kill(ref: string, signal?: string): Promise<void> {
    await killContainer(this.#context, this.#find(ref), signal);
  }

  async pause(ref: string): Promise<void> {
    await pauseContainer(this.#context, this.#find(ref));
  }

  /** Pauses those of them that run, by their ids, until disposed of. @see freezeContainers */
  freeze(ids: readonly string[]): Promise<AsyncDisposable> {
    return freezeContainers(this.#context, ids);
  }

  async unpause(ref: string): Promise<void> {
    await unpauseContainer(this.#context, this.#find(ref));
  }

  async rename(ref: string, name: string): Promise<void> {
    await renameContainer(this.#context, this.#find(ref), name);
  }

  /** `docker network connect`. @see connectNetwork */
  async connectNetwork(ref: string, network: string, settings: EndpointSettings): Promise<void> {
    await connectNetwork(this.#context, this.#find(ref), network, settings);
  }

  /** `docker network disconnect`; with `force` also of a container that is gone. @see disconnectNetwork */
  async disconnectNetwork(ref: string, network: string, options: { force: boolean }): Promise<void> {
    const record = options.force ? this.#tryFind(ref) : this.#find(ref);
    if (record === undefined) await this.#context.endpoints.forget(network, ref.replace(/^\//, ""));
    else await disconnectNetwork(this.#context, record, network, options);
  }

  async remove(ref: string, options: RemoveOptions): Promise<void> {
    if (options.link) removeLink(this.#context, ref);
    else await removeContainer(this.#context, this.#find(ref), ref, options);
  }

  async update(ref: string, request: ContainerUpdateRequest): Promise<ContainerUpdateResponse> {
    return updateContainer(this.#context, this.#find(ref), request);
  }

  /**
   * Waiting begins with this call, which throws at once where there is no such container; the promise tells
   * the end.
   */
  wait(ref: string, condition: WaitCondition, signal: AbortSignal): Promise<WaitResult> {
    return wait(this.#context, this.#find(ref), condition, signal);
  }

  list(options: ListOptions): Promise<ContainerSummary[]> {
    return listContainers(this.#context, options);
  }

  async inspect(ref: string, options: { size: boolean } = { size: false }): Promise<ContainerInspect> {
    return inspectContainer(this.#context, this.#find(ref), options);
  }

  async top(ref: string, psArgs = ""): Promise<ContainerTop> {
    return topContainer(this.#context, this.#find(ref), psArgs);
  }

  stats(ref: string, options: StatsOptions, signal: AbortSignal): AsyncIterable<ContainerStats> {
    const until = AbortSignal.any([signal, this.#closing.signal]);
    return containerStats(this.#context, this.#sampler, this.#find(ref), options, until);
  }

  async logs(ref: string, options: LogsOptions, signal: AbortSignal): Promise<LogsSession> {
    return this.#context.streams.outputs.logs(this.#find(ref), options, signal);
  }

  async attach(ref: string, options: AttachOptions, signal: AbortSignal): Promise<StreamSession> {
    return this.#context.streams.outputs.attach(this.#find(ref), options, signal);
  }

  /** @throws Conflict where it does not run */
  async resize(ref: string, rows: number, columns: number): Promise<void> {
    const record = this.#find(ref);
    if (!hasProcess(record)) throw notRunning(record);
    await this.#context.machine.resizeTerminal(this.#context.paths.bundle(record.id), rows, columns);
    emit(this.#context, record, "resize", { height: String(rows), width: String(columns) });
  }

  async changes(ref: string): Promise<FilesystemChange[]> {
    return containerChanges(this.#context, this.#find(ref));
  }

  exportTar(ref: string): AsyncIterable<Uint8Array> {
    return exportContainer(this.#context, this.#find(ref));
  }

  async commit(ref: string, options: CommitRequestOptions): Promise<{ Id: string }> {
    return commitContainer(this.#context, this.#find(ref), options);
  }

  prune(filters: Filters = {}): Promise<PruneReport> {
    return pruneContainers(this.#context, filters);
  }

  async archiveStat(ref: string, path: string): Promise<PathStat> {
    return archiveStat(this.#context, this.#find(ref), ref, path);
  }

  /** The stream must be read to its end or returned: until then a container at rest cannot be started. */
  async archiveGet(ref: string, path: string): Promise<ArchiveGetResult> {
    return archiveGet(this.#context, this.#find(ref), ref, path);
  }

  async archivePut(
    ref: string,
    path: string,
    body: AsyncIterable<Uint8Array>,
    options: ArchivePutOptions,
  ): Promise<void> {
    await archivePut(this.#context, this.#find(ref), ref, path, body, options);
  }

  async execCreate(ref: string, config: ExecConfig): Promise<{ Id: string }> {
    return this.#context.streams.execs.create(this.#find(ref), config);
  }

  async execStart(
    execId: string,
    options: ExecStartOptions,
    signal: AbortSignal,
  ): Promise<StreamSession | undefined> {
    return this.#context.streams.execs.start(execId, options, signal);
  }

  async execResize(execId: string, rows: number, columns: number): Promise<void> {
    await this.#context.streams.execs.resize(execId, rows, columns);
  }

  async execInspect(execId: string): Promise<ExecInspect> {
    return this.#context.streams.execs.inspect(execId);
  }

  /** Whether a container has a process: for rooms that only know its id. */
  isRunning(id: string): boolean {
    const record = this.#context.repository.byId(id);
    return record !== undefined && hasProcess(record);
  }

  counts(): Counts {
    const counts = { running: 0, paused: 0, stopped: 0 };
    for (const { state } of this.#context.repository.all()) {
      if (state.status === "paused") counts.paused++;
      else if (state.status === "running" || state.status === "restarting") counts.running++;
      else counts.stopped++;
    }
    return counts;
  }

  /** At the daemon's start, once, before any other call. */
  recover(): Promise<void> {
    return recover(this.#context);
  }

  /**
   * Leaves everything running and lets go of it: nothing new begins by itself, and operations under way get a
   * moment to
   * end. What does not is repaired by the next daemon.
   */
  async shutdown(): Promise<void> {
    const { restarts, streams, exits, queues, clock } = this.#context;
    this.#closing.abort();
    restarts.close();
    streams.health.close();
    await new Promise<void>((resolve) => {
      const patience = clock.after(PATIENCE_MS, resolve);
      void queues.idle().then(() => {
        patience.cancel();
        resolve();
      });
    });
    exits[Symbol.dispose]();
    await streams.outputs.close();
  }

  #tryFind(ref: string): ContainerRecord | undefined {
    try {
      return this.#find(ref);
    } catch (error) {
      if (kindOf(error) === "NotFound") return undefined;
      throw error;
    }
  }

  /** One that is only being made is not there yet, although its name is taken. */
  #find(ref: string): ContainerRecord {
    const record = byLinkName(this.#context, ref) ?? this.#context.repository.find(ref);
    if (record.state.phase === "creating") throw notFound(`No such container: ${ref}`);
    return record;
  }
}

/** Opens the room. Nothing is done to any container before `recover`. */
export function openContainers(options: ContainersOptions): Containers {
  const clock = options.clock ?? realClock;
  const closing = new AbortController();
  const paths = new Paths(options.dataRoot, options.execRoot);
  const runs = new Runs();
  const { defaults, images, snapshots, endpoints, volumes, machine, trash } = options;
  // The streams, the exits and the sampler are told of containers through the context that holds them.
  const context: Context = {
    paths,
    defaults,
    repository: new Repository(options.database),
    images,
    snapshots,
    endpoints,
    volumes,
    machine,
    trash,
    streams: (options.streams ?? realStreams(defaults))(streamsHost(() => context)),
    queues: new SerialQueues(),
    runs,
    waiters: new Waiters(),
    restarts: new Restarts(clock),
    exits: machine.watchExits(
      (id, exit) => runs.get(id)?.reportExit(exit),
      (id) => tellOutOfMemory(context, id),
    ),
    clock,
    emitEvent: options.emit,
    keepEvents: options.keepEvents ?? (() => {}),
    closing: closing.signal,
    starts: new Map(),
    removals: new Set(),
    stopSampling: (id) => sampler.end(id),
  };
  const sampler = new StatsSampler(clock, (record) => sampleOf(context, record));
  return new Containers(context, closing, sampler);
}

function realStreams({ logConfig }: ContainerDefaults): CreateStreams {
  return (host) =>
    createStreams(host, {
      ...(logConfig === undefined ? {} : { defaultLog: logConfig }),
      openDatagram: connectDatagram,
    });
}

/** What the streams may ask of the life. */
function streamsHost(context: () => Context): StreamsHost {
  /** For what streams decide by themselves: nobody waits for it, so failures go to the log. */
  const act = (id: string, what: string, work: (record: ContainerRecord) => Promise<void>) => {
    const record = context().repository.byId(id);
    if (record === undefined) return;
    work(record).catch((error: unknown) =>
      log.warn(`cannot ${what} a container`, { container: id, error: messageOf(error) }),
    );
  };
  return {
    containerDirectory: (id) => context().paths.container(id),
    bundle: (id) => context().paths.bundle(id),
    record: (id) => context().repository.byId(id),
    runtimeOf: (record) => context().machine.runtimes.get(record.host.Runtime || undefined),
    openInput: (bundle) => context().machine.openInput(bundle),
    resizeTerminal: (bundle, rows, columns) => context().machine.resizeTerminal(bundle, rows, columns),
    reopenLog: (bundle) => context().machine.reopenLog(bundle),
    exec: (record, request) => startProcess(context(), record, request),
    emit: (record, action, attributes) => emit(context(), record, action, attributes),
    healthChanged(record, health) {
      record.state.health = health;
      context().repository.saveState(record);
    },
    kill: (id) => act(id, "kill", (record) => killContainer(context(), record, undefined)),
    stop: (id) => act(id, "stop", (record) => stopContainer(context(), record, id, {})),
    restart: (id) => act(id, "restart", (record) => restartContainer(context(), record, id, {})),
  };
}
