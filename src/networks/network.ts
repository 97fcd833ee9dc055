import { type EngineError, invalidParameter } from "../lib/index.ts";
import {
  contains,
  type Family,
  type InterfaceAddress,
  type IpAddress,
  parseAddress,
  parseSubnet,
} from "./cidr.ts";
import { NameTable } from "./dns/names.ts";
import { AddressPool } from "./ipam.ts";
import type { EndpointRecord, NetworkRecord } from "./records.ts";
import { addressOf } from "./settings.ts";

/** A network that stands: its record, which of its addresses are in use, and by whom. */
export class LiveNetwork {
  readonly record: NetworkRecord;
  /** Who is called what on it. */
  readonly names = new NameTable();
  readonly #endpoints = new Map<string, EndpointRecord>();
  readonly #pools: readonly AddressPool[];

  constructor(record: NetworkRecord) {
    this.record = record;
    this.#pools = record.ipam.map(
      (config) =>
        new AddressPool({
          subnet: parseSubnet(config.subnet),
          ...(config.ipRange === undefined ? {} : { range: parseSubnet(config.ipRange) }),
          reserved: [config.gateway, ...Object.values(config.auxiliary ?? {})]
            .filter((address) => address !== undefined)
            .map(parseAddress),
        }),
    );
  }

  /** By container id. */
  get endpoints(): ReadonlyMap<string, EndpointRecord> {
    return this.#endpoints;
  }

  /** From here on others find it. Its addresses were allocated before. */
  place(endpoint: EndpointRecord): void {
    this.#endpoints.set(endpoint.containerId, endpoint);
    this.names.add(endpoint);
  }

  /**
   * An address of a family: the one that was asked for, or the next free one of the first subnet that has one.
   * Undefined where the network has no subnet of that family.
   */
  allocate(family: Family, asked?: IpAddress): InterfaceAddress | undefined {
    const pools = this.#pools.filter((pool) => pool.subnet.family === family);
    if (asked !== undefined) return this.#poolOf(asked).take(asked);
    let failure: EngineError | undefined;
    for (const pool of pools) {
      try {
        return pool.allocate();
      } catch (error) {
        failure = error as EngineError;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** The host's address in the subnet of an address. */
  gatewayOf(address: IpAddress): string | undefined {
    return this.record.ipam.find((config) => contains(parseSubnet(config.subnet), address))?.gateway;
  }

  /** Notes an endpoint that is there already: its addresses are not handed out again. */
  adopt(endpoint: EndpointRecord): void {
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      const address = addressOf(cidr);
      if (address !== undefined) this.#poolOf(address).take(address);
    }
    this.place(endpoint);
  }

  /** Gives an endpoint's addresses back. */
  release(endpoint: Pick<EndpointRecord, "containerId" | "ipv4" | "ipv6">): void {
    const placed = this.#endpoints.get(endpoint.containerId);
    if (placed !== undefined) this.names.remove(placed);
    this.#endpoints.delete(endpoint.containerId);
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      const address = addressOf(cidr);
      if (address === undefined) continue;
      this.#pools.find((pool) => contains(pool.subnet, address))?.release(address);
    }
  }

  #poolOf(address: IpAddress): AddressPool {
    const pool = this.#pools.find((one) => contains(one.subnet, address));
    if (pool === undefined)
      throw invalidParameter("no configured subnet contains the IP address that was asked for");
    return pool;
  }
}
