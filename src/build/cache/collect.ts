import type { CacheRecordSummary } from "../builder-contract.ts";
import type { RecordFilter } from "./filters.ts";

/** How much may stay. Nothing said: nothing of what fits. */
export interface Limits {
  /** So much may always stay (BuildKit's `reservedSpace`, Docker's `keep-storage`). */
  readonly reservedBytes?: number | undefined;
  /** More than this goes. */
  readonly maxUsedBytes?: number | undefined;
  /** The disk is to have so much left. */
  readonly minFreeBytes?: number | undefined;
}

export interface CollectRule extends Limits {
  /** Also what images need as well, and what only the builder knows of. */
  readonly all: boolean;
  readonly filter: RecordFilter;
}

/** As far as is known what the disk has left. */
export interface Disk {
  readonly freeBytes: number;
}

/**
 * Which records go, in the order of their going: the one that was unused for the longest time first, and nothing before what was
 * made of it, because it would free nothing (BuildKit's `prune` and `calculateKeepBytes`).
 */
export function recordsToRemove(
  records: readonly CacheRecordSummary[],
  rule: CollectRule,
  disk: Disk,
  nowMs: number,
): readonly CacheRecordSummary[] {
  const own = records.filter(({ shared }) => !shared);
  const totalBytes = own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const keepBytes = bytesToKeep(totalBytes, rule, disk);
  const children = childCounts(records);
  const candidates = records
    .filter((record) => mayGo(record, rule, nowMs))
    .sort((a, b) => lastUse(a) - lastUse(b) || a.usageCount - b.usageCount);
  const positions = new Map(candidates.map(({ id }, position) => [id, position]));
  const removed = new Set<CacheRecordSummary>();
  let leftBytes = totalBytes;
  for (let at = 0; at < candidates.length; ) {
    if (keepBytes !== undefined && leftBytes <= keepBytes) break;
    const record = candidates[at++]!;
    if (removed.has(record) || (children.get(record.id) ?? 0) > 0) continue;
    removed.add(record);
    if (!record.shared) leftBytes -= record.sizeBytes;
    for (const parent of record.parents) {
      const left = (children.get(parent) ?? 0) - 1;
      children.set(parent, left);
      // One that was passed over because of its children may go now, and before all younger ones.
      if (left === 0) at = Math.min(at, positions.get(parent) ?? at);
    }
  }
  return [...removed];
}

/** Undefined where no limit is set: everything that fits goes. */
function bytesToKeep(totalBytes: number, limits: Limits, { freeBytes }: Disk): number | undefined {
  const { reservedBytes = 0, maxUsedBytes = 0, minFreeBytes = 0 } = limits;
  if (reservedBytes === 0 && maxUsedBytes === 0 && minFreeBytes === 0) return undefined;
  let keep = maxUsedBytes;
  const missing = minFreeBytes - freeBytes;
  if (missing > 0) {
    const left = Math.max(0, totalBytes - missing);
    keep = maxUsedBytes === 0 ? left : Math.min(keep, left);
  } else if (maxUsedBytes === 0 && minFreeBytes > 0) keep = totalBytes;
  return Math.max(keep, reservedBytes);
}

function mayGo(record: CacheRecordSummary, { all, filter }: CollectRule, nowMs: number): boolean {
  if (record.inUse || !filter.matches(record)) return false;
  if (!all && (record.shared || record.type === "internal" || record.type === "frontend")) return false;
  return filter.unusedForMs === 0 || nowMs - lastUse(record) >= filter.unusedForMs;
}

const lastUse = ({ lastUsedAt, createdAt }: CacheRecordSummary) => (lastUsedAt ?? createdAt).getTime();

function childCounts(records: readonly CacheRecordSummary[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { parents } of records) {
    for (const parent of parents) counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  return counts;
}
