import { statfs } from "node:fs/promises";
import { log, messageOf } from "../../lib/index.ts";
import type { CacheRecordSummary, PruneOptions } from "../builder-contract.ts";
import type { Layers } from "../ports.ts";
import { type CollectRule, recordsToRemove } from "./collect.ts";
import { recordFilter } from "./filters.ts";
import type { CacheRecords } from "./records.ts";
import type { CacheStock } from "./stock.ts";

/** After a build comes perhaps another. */
const QUIET_MS = 5_000;
const EVERY_MS = 60_000;

/** When and how much of the cache goes by itself. */
export interface CachePolicy {
  readonly enabled: boolean;
  readonly rules: readonly PolicyRule[];
}

export interface PolicyRule {
  readonly all: boolean;
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly reservedBytes?: number | undefined;
  readonly maxUsedBytes?: number | undefined;
  readonly minFreeBytes?: number | undefined;
}

export interface BuildCacheOptions {
  readonly records: CacheRecords;
  /** What else is kept: cache mounts, copies of contexts. */
  readonly stocks: readonly CacheStock[];
  readonly layers: Layers;
  readonly policy: CachePolicy;
  /** A path on the disk whose free space counts. */
  readonly path: string;
}

/** All that builds keep, as one: it is listed, pruned by hand, and held within its limits. */
export class BuildCache {
  readonly records: CacheRecords;
  readonly #stocks: readonly CacheStock[];
  readonly #layers: Layers;
  readonly #path: string;
  policy: CachePolicy;
  #collecting: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #timer: Timer | undefined;
  #lastCollectedAt = 0;

  constructor({ records, stocks, layers, policy, path }: BuildCacheOptions) {
    this.records = records;
    this.#stocks = [records, ...stocks];
    this.#layers = layers;
    this.#path = path;
    this.policy = policy;
  }

  async list(): Promise<readonly CacheRecordSummary[]> {
    return (await Promise.all(this.#stocks.map((stock) => stock.list()))).flat();
  }

  /** @throws InvalidParameter for filters that are none */
  async prune(options: PruneOptions): Promise<{ removed: readonly string[]; reclaimedBytes: number }> {
    const { all, filters, keepBytes, maxUsedBytes, minFreeBytes } = options;
    const rule = { all, reservedBytes: keepBytes, maxUsedBytes, minFreeBytes };
    const filter = recordFilter(filters, Date.now());
    return await this.#remove({ ...rule, filter }, await this.list());
  }

  async #remove(
    rule: CollectRule,
    records: readonly CacheRecordSummary[],
  ): Promise<{ removed: readonly string[]; reclaimedBytes: number }> {
    const { bavail, bsize } = await statfs(this.#path);
    const chosen = recordsToRemove(records, rule, { freeBytes: bavail * bsize }, Date.now());
    if (chosen.length === 0) return { removed: [], reclaimedBytes: 0 };
    const ids = new Set(chosen.map(({ id }) => id));
    const gone = new Set<string>();
    for (const stock of this.#stocks) for (const id of await stock.remove(ids)) gone.add(id);
    await this.#layers.collect();
    const removed = chosen.filter(({ id }) => gone.has(id));
    return {
      removed: removed.map(({ id }) => id),
      reclaimedBytes: removed.reduce((sum, { shared, sizeBytes }) => sum + (shared ? 0 : sizeBytes), 0),
    };
  }

  /** The same in a while, when builds have ended; not often, because everything that is kept has to be looked at. */
  collectSoon(): void {
    if (!this.policy.enabled || this.#closed || this.#timer !== undefined) return;
    const wait = Math.max(QUIET_MS, this.#lastCollectedAt + EVERY_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.collect();
    }, wait);
    this.#timer.unref();
  }

  /** Brings the cache within its limits, in the background. */
  collect(): void {
    if (!this.policy.enabled || this.#closed) return;
    this.#again = true;
    this.#lastCollectedAt = Date.now();
    this.#collecting ??= this.#collect()
      .catch((error: unknown) => log.warn("cannot collect the build cache", { error: messageOf(error) }))
      .finally(() => {
        this.#collecting = undefined;
      });
  }

  async #collect(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      // To look at everything takes long: mostly nothing has to go.
      let records: readonly CacheRecordSummary[] | undefined;
      for (const { filters, ...limits } of this.policy.rules) {
        const filter = recordFilter(filters, Date.now());
        records ??= await this.list();
        const { removed, reclaimedBytes } = await this.#remove({ ...limits, filter }, records);
        if (removed.length === 0) continue;
        records = undefined;
        log.info("collected build cache", { records: removed.length, reclaimedBytes });
      }
    }
  }

  /** Waits for a collection that is under way, and writes down what is not written yet. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#collecting;
    this.records.flush();
  }
}
