import type { Query } from "../query.ts";
import { cacheSources, wantsInlineCache } from "./caches.ts";
import type { BuildOptions } from "./options.ts";

export const json = (value: object | undefined): string | undefined =>
  value === undefined || Object.keys(value).length === 0 ? undefined : JSON.stringify(value);

/** What `POST /build` is asked, whichever of the two ways. */
export function commonQuery(options: BuildOptions): Query {
  return {
    t: options.tags,
    extrahosts: options.extraHosts?.join(","),
    buildargs: json(options.args),
    // Folders have been brought to the engine before.
    cachefrom: json(cacheSources(options.cacheFrom ?? []).filter((source) => typeof source === "string")),
    cgroupparent: options.cgroupParent,
    cpuperiod: options.cpuPeriod || undefined,
    cpuquota: options.cpuQuota || undefined,
    cpushares: options.cpuShares || undefined,
    cpusetcpus: options.cpusetCpus,
    cpusetmems: options.cpusetMems,
    labels: json(options.labels),
    memory: options.memoryBytes || undefined,
    memswap: options.memorySwapBytes || undefined,
    networkmode: options.network,
    nocache: options.noCache,
    platform: options.platforms?.join(","),
    pull: options.pull,
    securityopt: json(options.securityOptions),
    shmsize: options.shmSizeBytes || undefined,
    squash: options.squash,
    target: options.target,
    ulimits: json(options.ulimits),
  };
}

/** What only engines of ours are asked. */
export function berthQuery(options: BuildOptions, isTraced: boolean): Query {
  return {
    nocachefilter: json(options.noCacheFilter),
    inlinecache: wantsInlineCache(options.cacheTo ?? []) || undefined,
    provenance: wantsProvenance(options.provenance ?? true) || undefined,
    sbom: options.sbom || undefined,
    allow: json(options.allow),
    metadata: options.metadata === true || options.push === true || undefined,
    trace: isTraced ? undefined : "0",
  };
}

/** `false`, `mode=min`, `disabled=true`. */
export function wantsProvenance(given: boolean | string): boolean {
  if (typeof given === "boolean") return given;
  return !/^(false|0|f|no)$/i.test(given) && !/(^|,)disabled=true(,|$)/i.test(given);
}
