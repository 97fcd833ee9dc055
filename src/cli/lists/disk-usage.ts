import type {
  BuildCacheRecord,
  ContainerSummary,
  DiskUsage,
  ImageSummary,
  Volume,
} from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { goTimeOfRfc3339 } from "../show/go-time.ts";
import { humanDuration, humanSize } from "../text/units.ts";
import { shortImageId } from "./containers.ts";

/** One line of `system df`. */
export interface UsageLine {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly size: string;
  readonly reclaimable: string;
}

export const USAGE_LIST: ListKind<UsageLine> = {
  typeName: "*formatter.diskUsageContext",
  titles: { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
  fields: {
    Type: ({ type }) => type,
    TotalCount: ({ total }) => String(total),
    Active: ({ active }) => String(active),
    Size: ({ size }) => size,
    Reclaimable: ({ reclaimable }) => reclaimable,
  },
};

export const USAGE_TABLE = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
export const USAGE_RAW =
  "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n";

export function usageLines(usage: DiskUsage): UsageLine[] {
  return [
    imageUsage(usage.Images ?? [], usage.LayersSize ?? 0),
    containerUsage(usage.Containers ?? []),
    volumeUsage(usage.Volumes ?? []),
    cacheUsage(usage.BuildCache ?? []),
  ];
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

/** With its share of the whole, where there is a whole. */
function share(reclaimable: number, total: number): string {
  const text = humanSize(reclaimable);
  return total > 0 ? `${text} (${Math.trunc((reclaimable * 100) / total)}%)` : text;
}

function imageUsage(images: readonly ImageSummary[], layersSize: number): UsageLine {
  const known = images.filter(
    ({ Containers, Size, SharedSize }) => Containers !== 0 && Size !== -1 && SharedSize !== -1,
  );
  const used = sum(known.map(({ Size, SharedSize }) => Size - SharedSize));
  return {
    type: "Images",
    total: images.length,
    active: images.filter(({ Containers }) => Containers > 0).length,
    size: humanSize(layersSize),
    reclaimable: share(layersSize - used, layersSize),
  };
}

function containerUsage(containers: readonly ContainerSummary[]): UsageLine {
  const isActive = ({ State }: ContainerSummary) => ["running", "paused", "restarting"].includes(State);
  const sizes = (some: readonly ContainerSummary[]) => sum(some.map(({ SizeRw }) => SizeRw ?? 0));
  const total = sizes(containers);
  return {
    type: "Containers",
    total: containers.length,
    active: containers.filter(isActive).length,
    size: humanSize(total),
    reclaimable: share(sizes(containers.filter((container) => !isActive(container))), total),
  };
}

function volumeUsage(volumes: readonly Volume[]): UsageLine {
  const known = volumes.filter(({ UsageData }) => (UsageData?.Size ?? -1) !== -1);
  const sizes = (some: readonly Volume[]) => sum(some.map(({ UsageData }) => UsageData?.Size ?? 0));
  return {
    type: "Local Volumes",
    total: volumes.length,
    active: volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0).length,
    size: humanSize(sizes(known)),
    reclaimable: share(sizes(known.filter(({ UsageData }) => UsageData?.RefCount === 0)), sizes(known)),
  };
}

function cacheUsage(records: readonly BuildCacheRecord[]): UsageLine {
  const own = records.filter(({ Shared }) => !Shared);
  const total = sum(own.map(({ Size }) => Size));
  return {
    type: "Build Cache",
    total: records.length,
    active: records.filter(({ InUse }) => InUse).length,
    size: humanSize(total),
    reclaimable: humanSize(total - sum(own.filter(({ InUse }) => InUse).map(({ Size }) => Size))),
  };
}

/** What builds have kept, of `system df -v`. */
export function buildCacheList(short: boolean): ListKind<BuildCacheRecord> {
  const since = (time: string) => `${humanDuration((Date.now() - Date.parse(time)) / 1000)} ago`;
  return {
    typeName: "*formatter.buildCacheContext",
    titles: {
      ID: "CACHE ID",
      Parent: "PARENT",
      CacheType: "CACHE TYPE",
      Size: "SIZE",
      CreatedSince: "CREATED",
      LastUsedSince: "LAST USED",
      UsageCount: "USAGE",
      InUse: "IN USE",
      Shared: "SHARED",
      Description: "DESCRIPTION",
    },
    fields: {
      ID: ({ ID, InUse }) => (short ? shortImageId(ID) : ID) + (InUse ? "*" : ""),
      Parent: ({ Parents }) => {
        const parents = (Parents ?? []).join(", ");
        return short ? shortImageId(parents) : parents;
      },
      CacheType: ({ Type }) => Type,
      Size: ({ Size }) => humanSize(Size, 3),
      CreatedAt: ({ CreatedAt }) => goTimeOfRfc3339(CreatedAt),
      CreatedSince: ({ CreatedAt }) => since(CreatedAt),
      LastUsedAt: ({ LastUsedAt }) => (LastUsedAt ? goTimeOfRfc3339(LastUsedAt) : ""),
      LastUsedSince: ({ LastUsedAt }) => (LastUsedAt ? since(LastUsedAt) : ""),
      UsageCount: ({ UsageCount }) => String(UsageCount),
      InUse: ({ InUse }) => String(InUse),
      Shared: ({ Shared }) => String(Shared),
      Description: ({ Description }) => Description,
    },
  };
}
