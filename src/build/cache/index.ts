export { BuildCache, type CachePolicy, type PolicyRule } from "./build-cache.ts";
export { recordFilter } from "./filters.ts";
export { type CacheMount, type CacheMountRequest, CacheMountStore, type CacheMounts } from "./mounts.ts";
export { defaultKeepBytes, defaultPolicy } from "./policy.ts";
export { CacheRecords, type HeldRecord } from "./records.ts";
export type { CacheStock } from "./stock.ts";
