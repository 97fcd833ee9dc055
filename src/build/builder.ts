import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, log, messageOf } from "../lib/index.ts";
import { detachBelow } from "../linux/index.ts";
import type { SourceTreeOf } from "./build-contexts.ts";
import { BuildRun } from "./build-run.ts";
import type {
  BuildRequest,
  BuildResult,
  Builds,
  CacheRecordSummary,
  PruneOptions,
} from "./builder-contract.ts";
import type { BuildCache, CachePolicy } from "./cache/index.ts";
import type { Contexts } from "./contexts/index.ts";
import type { Platform } from "./dockerfile/index.ts";
import type { ProvenanceStore } from "./image/provenance-store.ts";
import type { KnownPlans } from "./known-plans.ts";
import type { Images, Layers } from "./ports.ts";
import type { Report } from "./progress/events.ts";
import { Lease } from "./solve/lease.ts";
import type { Scheduler } from "./solve/scheduler.ts";

export interface BuilderOptions {
  readonly images: Images;
  readonly layers: Layers;
  readonly contexts: Contexts;
  readonly sourceTree: SourceTreeOf;
  readonly scheduler: Scheduler;
  readonly cache: BuildCache;
  readonly plans: KnownPlans;
  readonly provenance: ProvenanceStore;
  /** For the work of builds, one directory each. It exists, and is the builder's own. */
  readonly directory: string;
  /** Deletes a tree, in its own time. */
  readonly discard: (path: string) => Promise<void>;
  readonly platform: Platform;
  /** Who builds, for provenance. */
  readonly builderId: string;
  /** @throws InvalidParameter for what is no signal's name */
  readonly checkSignal: (signal: string) => void;
  /** What can wait until a build has been answered. */
  readonly afterBuild: () => void;
  /** Lets go of what the builder was given, at its end. */
  readonly close: () => Promise<void>;
}

/** Builds images. One for each daemon. */
export class Builder implements Builds {
  readonly #options: BuilderOptions;
  readonly #closing = new AbortController();
  /** Leases that are not yet gone. */
  readonly #leases = new Set<Promise<void>>();

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /** Where the work of builds is done; it is emptied at the daemon's start. */
  get directory(): string {
    return this.#options.directory;
  }

  /** Other limits of the cache. */
  configure(policy: CachePolicy): void {
    this.#options.cache.policy = policy;
    this.#options.cache.collectSoon();
  }

  /** At the daemon's start: what an earlier one left of its builds is unmounted and removed. */
  async sweep(): Promise<void> {
    const { directory, discard } = this.#options;
    detachBelow(directory);
    await Promise.all((await readdir(directory)).map((name) => discard(join(directory, name))));
    this.#options.cache.records.sweep();
    this.#options.cache.collectSoon();
  }

  async build(request: BuildRequest, report: Report, signal: AbortSignal): Promise<BuildResult> {
    const lease = new Lease();
    const whole = AbortSignal.any([signal, this.#closing.signal]);
    whole.throwIfAborted();
    this.#watch(lease);
    try {
      return await new BuildRun(this.#options, request, { lease, report, signal: whole }).run();
    } finally {
      await lease
        .release()
        .catch((error: unknown) => log.warn("cannot undo a build", { error: messageOf(error) }));
      this.#options.afterBuild();
      this.#options.cache.collectSoon();
    }
  }

  /** The end of the daemon waits for what builds have to undo. */
  #watch(lease: Lease): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    lease.defer(resolve);
    this.#leases.add(promise);
    void promise.then(() => this.#leases.delete(promise));
  }

  diskUsage(): Promise<readonly CacheRecordSummary[]> {
    return this.#options.cache.list();
  }

  prune(options: PruneOptions): ReturnType<Builds["prune"]> {
    return this.#options.cache.prune(options);
  }

  provenance(imageOrStatement: Digest): readonly string[] {
    return this.#options.provenance.find(imageOrStatement);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the engine is being stopped"));
    await Promise.all(this.#leases);
    await this.#options.cache.close();
    await this.#options.close();
  }
}
