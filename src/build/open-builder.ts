import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cpuCount, detachBelow, parseSignal } from "../linux/index.ts";
import type { Database } from "../store/index.ts";
import { Builder } from "./builder.ts";
import {
  BuildCache,
  CacheMountStore,
  type CachePolicy,
  CacheRecords,
  type CacheStock,
} from "./cache/index.ts";
import { FileDigests, KnownSelections, LocalTree } from "./contents/index.ts";
import { type Contexts, openContexts } from "./contexts/index.ts";
import type { Platform } from "./dockerfile/index.ts";
import { ProvenanceStore } from "./image/provenance-store.ts";
import { KnownPlans } from "./known-plans.ts";
import { fileOperations } from "./operations/file-operations.ts";
import type { RunParts } from "./operations/run.ts";
import { SourceLayers } from "./operations/source-layers.ts";
import type { Images, Layers } from "./ports.ts";
import type { OperationKind } from "./solve/contract.ts";
import { Scheduler } from "./solve/scheduler.ts";
import { withSharedHolds } from "./solve/shared-holds.ts";

export interface OpenBuilderOptions {
  readonly database: Database;
  readonly images: Images;
  readonly layers: Layers;
  /** `RUN`, which needs more of the machine than the other operations. */
  readonly run: (parts: RunParts) => OperationKind<"run">;
  /** The builder's own; made where it is missing. */
  readonly directory: string;
  /** Takes a tree away, and deletes it in its own time. */
  readonly discard: (path: string) => void | Promise<void>;
  readonly platform: Platform;
  readonly builderId: string;
  readonly policy: CachePolicy;
}

const PRIVATE = 0o700;

/** Puts the builder together, and removes what an earlier daemon left half done. */
export async function openBuilder(options: OpenBuilderOptions): Promise<Builder> {
  const { database, directory, images, platform, builderId, policy } = options;
  const layers = withSharedHolds(options.layers);
  const [work, mounts] = ["work", "mounts"].map((name) => join(directory, name)) as [string, string];
  for (const path of [directory, work, mounts]) mkdirSync(path, { recursive: true, mode: PRIVATE });
  const discard = async (path: string) => {
    // What is mounted is somebody else's: it must not be deleted along.
    detachBelow(path);
    await options.discard(path);
  };
  const mountStore = new CacheMountStore(database, mounts, discard);
  const contexts = await openContexts(join(directory, "contexts"));
  const records = new CacheRecords(database, layers);
  const digests = new FileDigests(join(directory, "file-digests"));
  const known = new KnownSelections(database);
  const operations = {
    ...fileOperations({ contexts, digests, known }),
    run: options.run({ mounts: mountStore, digests, known, sources: new SourceLayers(records) }),
  };
  const stocks = [mountStore, contextStock(contexts)];
  const builder = new Builder({
    images,
    layers,
    contexts,
    sourceTree: (opened, includes) => new LocalTree(opened, includes, digests),
    scheduler: new Scheduler({ operations, records, layers, cpuCount: cpuCount() }),
    cache: new BuildCache({ records, stocks, layers, policy, path: directory }),
    plans: new KnownPlans(),
    provenance: new ProvenanceStore(database),
    directory: work,
    discard,
    platform,
    builderId,
    checkSignal: (signal) => void parseSignal(signal),
    afterBuild: () => void digests.save(),
    close: async () => {
      await digests.save();
      await contexts[Symbol.asyncDispose]();
    },
  });
  await builder.sweep();
  await mountStore.sweep();
  return builder;
}

/** Copies of contexts and downloads, as part of the cache. */
function contextStock(contexts: Contexts): CacheStock {
  return {
    list: async () => (await contexts.kept()).map((source) => ({ ...source, parents: [], shared: false })),
    remove: async (ids) => {
      const removed = new Set<string>();
      for (const { id, inUse } of await contexts.kept()) {
        if (!ids.has(id) || inUse) continue;
        await contexts.remove(id);
        removed.add(id);
      }
      return removed;
    },
  };
}
