import type { Network, NetworkCreateRequest, Volume, VolumeCreateRequest } from "../../wire/index.ts";
import { change } from "./attributes.ts";
import type { AttributeChange } from "./types.ts";

/** What a network that is there differs in from the one that would be made now. */
export function compareNetwork(found: Network, wanted: NetworkCreateRequest): AttributeChange[] {
  const pools = (ipam: NetworkCreateRequest["IPAM"] | Network["IPAM"]) =>
    (ipam?.Config ?? []).map(({ Subnet, Gateway, IPRange }) => clean({ Subnet, Gateway, IPRange }));
  const askedPools = pools(wanted.IPAM);
  return differing([
    ["name", found.Name, wanted.Name],
    ["driver", found.Driver, wanted.Driver ?? found.Driver],
    ...byKey("driver_opts", clean(found.Options ?? {}), clean(wanted.Options ?? {})),
    ["internal", found.Internal === true, wanted.Internal === true],
    ["attachable", found.Attachable === true, wanted.Attachable === true],
    ["enable_ipv6", found.EnableIPv6 === true, wanted.EnableIPv6 === true],
    // Without a wish the engine chooses.
    ["ipam", askedPools.length === 0 ? [] : pools(found.IPAM), askedPools],
    ...byKey("labels", own(found.Labels), own(wanted.Labels)),
  ]);
}

/** What a volume that is there differs in from the one that would be made now. */
export function compareVolume(found: Volume, wanted: VolumeCreateRequest): AttributeChange[] {
  return differing([
    ["name", found.Name, wanted.Name],
    ["driver", found.Driver, wanted.Driver ?? "local"],
    ...byKey("driver_opts", clean(found.Options ?? {}), clean(wanted.DriverOpts ?? {})),
    ...byKey("labels", own(found.Labels), own(wanted.Labels)),
  ]);
}

type Pair = readonly [attribute: string, old: unknown, now: unknown];

function byKey(
  attribute: string,
  old: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): Pair[] {
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].map((key) => [
    `${attribute}.${key}`,
    old[key],
    now[key],
  ]);
}

function differing(pairs: readonly Pair[]): AttributeChange[] {
  return pairs.flatMap(([attribute, old, now]) =>
    Bun.deepEquals(old, now) ? [] : [change(attribute, old, now)],
  );
}

const clean = (table: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined && value !== ""));

const own = (labels: Readonly<Record<string, string>> | null | undefined) =>
  Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !key.startsWith("com.docker.compose.")));
