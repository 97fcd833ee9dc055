import type { CacheRecordSummary } from "../builder-contract.ts";

/** Something of which builds keep pieces: results, cache mounts, copies of contexts. They are listed and removed as one. */
export interface CacheStock {
  list(): Promise<readonly CacheRecordSummary[]>;
  /** Those that are in use stay. @returns the ones that are gone */
  remove(ids: ReadonlySet<string>): Promise<ReadonlySet<string>>;
}
