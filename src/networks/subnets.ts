import { invalidParameter, unavailable } from "../lib/index.ts";
import {
  contains,
  formatAddress,
  formatSubnet,
  type IpAddress,
  nthAddress,
  overlaps,
  parseSubnet,
  type Subnet,
  sameAddress,
  sizeOf,
} from "./cidr.ts";
import type { IpamConfig } from "./records.ts";

/** An entry of daemon.json's `default-address-pools`: `base` is cut into subnets with a prefix of `size` bits. */
export interface SubnetPool {
  readonly base: Subnet;
  readonly size: number;
}

/** Docker's own (libnetwork, `ipamutils`), in its order. */
export const DEFAULT_POOLS: readonly SubnetPool[] = [
  ...[
    "172.17.0.0/16",
    "172.18.0.0/16",
    "172.19.0.0/16",
    "172.20.0.0/14",
    "172.24.0.0/14",
    "172.28.0.0/14",
  ].map((base) => ({ base: parseSubnet(base), size: 16 })),
  { base: parseSubnet("192.168.0.0/16"), size: 20 },
];

/** The pools, with one for IPv6 where there is none: Docker's too are /64 of a prefix of unique local addresses. */
export function withIpv6(pools: readonly SubnetPool[], prefix: string): readonly SubnetPool[] {
  if (pools.some((pool) => pool.base.family === 6)) return pools;
  return [...pools, { base: parseSubnet(prefix), size: 64 }];
}

/** @throws InvalidParameter where an entry of `default-address-pools` makes no sense */
export function parsePools(entries: readonly { base?: string; size?: number }[]): SubnetPool[] {
  return entries.map((entry) => {
    const base = parseSubnet(entry.base ?? "");
    const size = entry.size ?? base.bits;
    const width = base.family === 4 ? 32 : 128;
    if (!Number.isInteger(size) || size < base.bits || size > width) {
      throw invalidParameter(`invalid default address pool: cannot cut ${formatSubnet(base)} into /${size}`);
    }
    return { base, size };
  });
}

/**
 * The first subnet of the pools that meets none of those in use.
 * @throws Unavailable where there is none
 */
export function chooseSubnet(
  pools: readonly SubnetPool[],
  taken: readonly Subnet[],
  family: 4 | 6 = 4,
): Subnet {
  for (const pool of pools) {
    if (pool.base.family !== family) continue;
    const found = firstFree(pool, taken);
    if (found !== undefined) return found;
  }
  throw unavailable("all predefined address pools have been fully subnetted");
}

/**
 * Where nobody says what the host's address is, it is the first one of the range that containers get theirs from, or of
 * the subnet where that range has no room for it.
 * @throws InvalidParameter in Docker's words where neither has
 */
export function withGateway(config: IpamConfig): IpamConfig {
  if (config.gateway !== undefined) return config;
  const subnet = parseSubnet(config.subnet);
  const range = config.ipRange === undefined ? [] : [parseSubnet(config.ipRange)];
  const gateway = [...range, subnet]
    .map((pool) => ({ pool, address: nthAddress(pool, 1n) }))
    .find(({ pool, address }) => contains(pool, address) && !isBroadcast(subnet, address));
  if (gateway === undefined) {
    throw invalidParameter("failed to allocate gateway (): No available addresses on this pool");
  }
  return { ...config, gateway: formatAddress(gateway.address) };
}

const isBroadcast = (subnet: Subnet, address: IpAddress) =>
  subnet.family === 4 && sameAddress(address, nthAddress(subnet, -1n));

/** Jumps behind whatever is in the way, so that a pool of 2^32 subnets with few in use takes few steps. */
function firstFree(pool: SubnetPool, taken: readonly Subnet[]): Subnet | undefined {
  const step = sizeOf({ ...pool.base, bits: pool.size });
  const end = pool.base.base + sizeOf(pool.base);
  let base = pool.base.base;
  while (base < end) {
    const candidate: Subnet = { family: pool.base.family, base, bits: pool.size };
    const obstacle = taken.find((subnet) => overlaps(subnet, candidate));
    if (obstacle === undefined) return candidate;
    const behind = obstacle.base + sizeOf(obstacle);
    base = behind > base + step ? ((behind + step - 1n) / step) * step : base + step;
  }
  return undefined;
}
