import { type Digest, log, messageOf } from "../../lib/index.ts";
import type { CacheRecord, CacheRecords } from "../cache/records.ts";
import type { BuildGraph, Operation, Vertex } from "../graph/index.ts";
import type { DiffId, Layers } from "../ports.ts";
import type { Report } from "../progress/events.ts";
import type { BuildScope, LayersResult, OperationKind, Result, Work } from "./contract.ts";
import type { Lease } from "./lease.ts";
import { type Asker, SharedWork, type WorkResult } from "./shared-work.ts";
import { Slots } from "./slots.ts";
import { VertexProgress } from "./vertex-progress.ts";

/** How each kind of operation is done. */
export type Operations = { readonly [Kind in Operation["kind"]]: OperationKind<Kind> };

export interface SchedulerOptions {
  readonly operations: Operations;
  readonly records: CacheRecords;
  readonly layers: Layers;
  readonly cpuCount: number;
}

/** Results of other machines that may be taken: `--cache-from`. */
export interface ImportedResults {
  /** What a key came to; undefined where it is not known. */
  find(key: Digest): ImportedResult | undefined;
}

export interface ImportedResult {
  readonly layers: readonly DiffId[];
  /** When it was done there, in milliseconds; undefined where nobody says. */
  readonly createdMs: number | undefined;
}

export interface SolveRequest {
  readonly graph: BuildGraph;
  /** The vertices whose results are wanted; what they do not need is not done. */
  readonly targets: readonly Digest[];
  readonly scope: BuildScope;
  /** Keeps what the work needs; results are held by it. */
  readonly lease: Lease;
  /** As it is shown, of each vertex. */
  readonly nameOf: (vertex: Vertex) => string;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly imported?: ImportedResults | undefined;
  /** Told of each failure with the vertex that failed. */
  readonly onFailure?: (vertex: Vertex, error: unknown) => void;
}

/** What became of a vertex. */
export interface Outcome {
  readonly result: Result;
  /** Layers that are no input's. */
  readonly newLayers: readonly DiffId[];
  readonly key: Digest | undefined;
  readonly recordId: string | undefined;
  /** It was not done in this build. */
  readonly cached: boolean;
  /** When it was done first, in milliseconds; undefined for what is no work. */
  readonly createdMs: number | undefined;
}

export type Outcomes = ReadonlyMap<Digest, Outcome>;

/** `RUN`s that may run at a time, for each processor: most wait for a network or a disk half of their time. */
const RUNS_PER_CPU = 4;
const RUNS_MIN = 8;

/**
 * Does the work of builds: what does not depend on each other at once, what is not needed never, and what several builds want
 * at the same time once.
 */
export class Scheduler {
  readonly options: SchedulerOptions;
  /** Work under way, by its key. */
  readonly shared = new Map<Digest, SharedWork>();
  readonly #runs: Slots;
  /** Copying and hashing keep a processor busy. */
  readonly #copies: Slots;

  constructor(options: SchedulerOptions) {
    this.options = options;
    this.#runs = new Slots(Math.max(RUNS_MIN, options.cpuCount * RUNS_PER_CPU));
    this.#copies = new Slots(options.cpuCount + 1);
  }

  /** @throws what the first failing vertex failed with, or the signal's reason, when all that was begun for it has ended */
  solve(request: SolveRequest): Promise<Outcomes> {
    return new Solve(this, request).solve();
  }

  slotsOf(kind: Operation["kind"]): Slots | undefined {
    if (kind === "run") return this.#runs;
    return kind === "copy" ? this.#copies : undefined;
  }
}

/** The work of one build. */
class Solve {
  readonly #scheduler: Scheduler;
  readonly #request: SolveRequest;
  readonly #outcomes = new Map<Digest, Promise<Outcome>>();
  readonly #abort = new AbortController();
  readonly #usedRecords = new Set<string>();

  constructor(scheduler: Scheduler, request: SolveRequest) {
    this.#scheduler = scheduler;
    this.#request = request;
  }

  async solve(): Promise<Outcomes> {
    const { signal, targets, report } = this.#request;
    signal.throwIfAborted();
    const forward = () => this.#abort.abort(signal.reason);
    signal.addEventListener("abort", forward, { once: true });
    try {
      for (const vertex of this.#needed())
        report(VertexProgress.pending(vertex, this.#request.nameOf(vertex)));
      let failure: { error: unknown } | undefined;
      const fail = (error: unknown) => {
        failure ??= { error };
        this.#abort.abort(error);
      };
      await Promise.all(targets.map((target) => this.#outcome(target).catch(fail)));
      // What depends on nothing that failed may still be under way.
      const settled = await Promise.all(
        [...this.#outcomes].map(
          async ([digest, outcome]) => [digest, await outcome.catch(() => undefined)] as const,
        ),
      );
      if (failure !== undefined) throw failure.error;
      return new Map(settled.flatMap(([digest, outcome]) => (outcome ? [[digest, outcome]] : [])));
    } finally {
      signal.removeEventListener("abort", forward);
      if (this.#usedRecords.size > 0) this.#scheduler.options.records.touch(this.#usedRecords);
    }
  }

  /** Only what the targets need, each after its inputs. */
  #needed(): Vertex[] {
    const { vertices } = this.#request.graph;
    const needed = new Set(this.#request.targets);
    for (const digest of needed) for (const input of vertices.get(digest)!.inputs) needed.add(input);
    return [...vertices.values()].filter(({ digest }) => needed.has(digest));
  }

  /** Each vertex is worked on once. */
  #outcome(digest: Digest): Promise<Outcome> {
    const known = this.#outcomes.get(digest);
    if (known !== undefined) return known;
    const outcome = this.#work(this.#request.graph.vertices.get(digest)!);
    outcome.catch(() => {});
    this.#outcomes.set(digest, outcome);
    return outcome;
  }

  async #work(vertex: Vertex): Promise<Outcome> {
    const inputs = await Promise.all(vertex.inputs.map((input) => this.#outcome(input)));
    this.#abort.signal.throwIfAborted();
    const progress = new VertexProgress(vertex, this.#request.nameOf(vertex), this.#request.report);
    progress.start();
    try {
      const outcome = await this.#done(vertex, inputs, progress);
      this.#request.lease.use(outcome.result);
      if (outcome.recordId !== undefined) {
        this.#usedRecords.add(outcome.recordId);
        this.#request.lease.defer(this.#scheduler.options.records.use(outcome.recordId));
      }
      progress.end(outcome.cached);
      return outcome;
    } catch (error) {
      const first = !this.#abort.signal.aborted;
      progress.fail(first ? error : new Error("context canceled"));
      if (first) this.#request.onFailure?.(vertex, error);
      // The rest of the build is in vain.
      this.#abort.abort(error);
      throw error;
    }
  }

  async #done(vertex: Vertex, inputs: readonly Outcome[], progress: VertexProgress): Promise<Outcome> {
    const { signal } = this.#abort;
    const key = await operationOf(this.#scheduler, vertex).key(
      this.#workOf(vertex, inputs, progress, signal),
    );
    signal.throwIfAborted();
    if (key === undefined) return await this.#alone(vertex, inputs, progress);
    for (let fresh = vertex.noCache; ; ) {
      const running = this.#scheduler.shared.get(key);
      if (running?.isEnding) {
        // Nobody wanted it a moment ago: what it held is not free before its end.
        await running.done.catch(() => {});
        continue;
      }
      if (running !== undefined && !fresh) {
        const joined = await this.#join(running, key, progress);
        if (joined !== undefined) return joined;
        continue;
      }
      const cached = fresh ? undefined : await this.#cached(key, vertex, inputs);
      if (cached !== undefined) return cached;
      // While it was looked up somebody else may have begun, or even ended.
      if (!fresh && (this.#scheduler.shared.has(key) || this.#scheduler.options.records.has(key))) continue;
      fresh = false;
      return await this.#begin(key, vertex, inputs, progress);
    }
  }

  /** Work that has no key: quick, or asked anew in each build. */
  async #alone(vertex: Vertex, inputs: readonly Outcome[], progress: VertexProgress): Promise<Outcome> {
    const work = this.#workOf(vertex, inputs, progress, this.#abort.signal);
    const result = await this.#run(work);
    return {
      result,
      newLayers: result.kind === "layers" ? layersOfOwn(result, inputs) : [],
      key: undefined,
      recordId: undefined,
      cached: false,
      createdMs: undefined,
    };
  }

  async #cached(key: Digest, vertex: Vertex, inputs: readonly Outcome[]): Promise<Outcome | undefined> {
    // The lease holds the inputs' layers, as long as this one's.
    const found = await this.#scheduler.options.records.find(key, layersOf(inputs));
    if (found !== undefined) {
      const { record } = found;
      const result = layersResult(record.layers, () => found[Symbol.dispose]());
      return { ...this.#outcomeOf(record, key, result, inputs), cached: true };
    }
    return await this.#imported(key, vertex, inputs);
  }

  /** What another machine left in an image's configuration becomes a record of our own. */
  async #imported(key: Digest, vertex: Vertex, inputs: readonly Outcome[]): Promise<Outcome | undefined> {
    const found = this.#request.imported?.find(key);
    if (found === undefined) return undefined;
    const { layers, createdMs = Date.now() } = found;
    const held = await this.#scheduler.options.layers.hold(layers).catch(() => undefined);
    if (held === undefined) return undefined;
    const result = layersResult(layers, () => held[Symbol.dispose]());
    const record = this.#remember(key, vertex, inputs, result, createdMs);
    return { ...this.#outcomeOf(record, key, result, inputs), cached: true };
  }

  /** @returns undefined where the other build's end made it fail: then it is ours to do */
  async #join(shared: SharedWork, key: Digest, progress: VertexProgress): Promise<Outcome | undefined> {
    const { signal } = this.#abort;
    try {
      return await shared.join(progress, signal, (result) => this.#share(result, key));
    } catch (error) {
      if (signal.aborted || shared.hasStarter) throw error;
      log.debug("work of another build is done again", { error: messageOf(error) });
      return undefined;
    }
  }

  async #begin(
    key: Digest,
    vertex: Vertex,
    inputs: readonly Outcome[],
    progress: VertexProgress,
  ): Promise<Outcome> {
    const { shared } = this.#scheduler;
    const work = new SharedWork(progress);
    // What is done again though it is under way is done beside it; others join the one that they found.
    const isOffered = !shared.has(key);
    if (isOffered) shared.set(key, work);
    const release = this.#request.lease.retain();
    work.begin(async ({ signal }) => {
      try {
        return await this.#produce(key, vertex, inputs, work, signal);
      } finally {
        if (isOffered) shared.delete(key);
        // It may be the last that held on to a build which ended long ago, so nobody waits for it.
        void release().catch((error: unknown) =>
          log.warn("cannot undo a build", { error: messageOf(error) }),
        );
      }
    });
    return await work.join(progress, this.#abort.signal, (result) => this.#share(result, key));
  }

  async #produce(
    key: Digest,
    vertex: Vertex,
    inputs: readonly Outcome[],
    asker: Pick<Asker, "progress"> & { log(stream: 1 | 2, bytes: Uint8Array): void },
    signal: AbortSignal,
  ): Promise<WorkResult> {
    const result = await this.#run(this.#workOf(vertex, inputs, asker, signal));
    if (result.kind === "source") {
      await result[Symbol.asyncDispose]();
      throw new Error(`the result of ${vertex.operation.kind} can not be shared`);
    }
    try {
      const record = this.#remember(key, vertex, inputs, result, Date.now());
      return { record, newLayers: layersOfOwn(result, inputs), held: result };
    } catch (error) {
      result[Symbol.dispose]();
      throw error;
    }
  }

  #remember(
    key: Digest,
    vertex: Vertex,
    inputs: readonly Outcome[],
    result: LayersResult,
    nowMs: number,
  ): CacheRecord {
    const { epoch } = this.#request.scope;
    return this.#scheduler.options.records.add({
      key,
      layers: result.layers,
      newLayers: layersOfOwn(result, inputs),
      parents: [...new Set(inputs.flatMap(({ recordId }) => recordId ?? []))],
      type: "regular",
      description: descriptionOf(vertex, this.#request.nameOf(vertex)),
      createdMs: epoch === undefined ? nowMs : epoch * 1000,
    });
  }

  async #share({ record, newLayers }: WorkResult, key: Digest): Promise<Outcome> {
    const held = await this.#scheduler.options.layers.hold(record.layers);
    return {
      result: layersResult(record.layers, () => held[Symbol.dispose]()),
      newLayers,
      key,
      recordId: record.id,
      cached: false,
      createdMs: record.createdMs,
    };
  }

  #outcomeOf(
    record: CacheRecord,
    key: Digest,
    result: LayersResult,
    inputs: readonly Outcome[],
  ): Omit<Outcome, "cached"> {
    return {
      result,
      newLayers: layersOfOwn(result, inputs),
      key,
      recordId: record.id,
      createdMs: record.createdMs,
    };
  }

  async #run(work: Work<Operation["kind"]>): Promise<Result> {
    const slots = this.#scheduler.slotsOf(work.operation.kind);
    using _slot = await slots?.take(work.signal);
    return await operationOf(this.#scheduler, work.vertex).run(work);
  }

  #workOf(
    vertex: Vertex,
    inputs: readonly Outcome[],
    { log, progress }: { log: Work<never>["log"]; progress: Work<never>["progress"] },
    signal: AbortSignal,
  ): Work<Operation["kind"]> {
    return {
      vertex,
      operation: vertex.operation,
      inputs: inputs.map(({ result }) => result),
      context: this.#request.scope,
      signal,
      log,
      progress,
    };
  }
}

/** The table has, for each kind, what works on that kind: the type system can not see that the two belong together. */
function operationOf(scheduler: Scheduler, { operation }: Vertex): OperationKind<Operation["kind"]> {
  return scheduler.options.operations[operation.kind] as OperationKind<Operation["kind"]>;
}

function layersResult(layers: readonly DiffId[], dispose: () => void): LayersResult {
  return { kind: "layers", layers, [Symbol.dispose]: dispose };
}

function layersOf(inputs: readonly Outcome[]): ReadonlySet<DiffId> {
  return new Set(inputs.flatMap(({ result }) => (result.kind === "layers" ? result.layers : [])));
}

/** The layers of a result that no input has. */
function layersOfOwn({ layers }: LayersResult, inputs: readonly Outcome[]): DiffId[] {
  const below = layersOf(inputs);
  return layers.filter((layer) => !below.has(layer));
}

/** As BuildKit describes its records. */
function descriptionOf({ operation }: Vertex, name: string): string {
  return operation.kind === "run" ? `mount / from exec ${operation.args.join(" ")}` : name;
}
