import { type EngineError, invalidParameter } from "../lib/index.ts";
import {
  contains,
  type Family,
  formatAddress,
  type InterfaceAddress,
  type IpAddress,
  parseAddress,
  parseSubnet,
} from "./cidr.ts";
import { NameTable } from "./dns/names.ts";
import { AddressPool } from "./ipam.ts";
import { DEFAULT_GATEWAY, type EndpointRecord, type IpamConfig, type NetworkRecord } from "./records.ts";
import { addressOf } from "./settings.ts";

/** Containers at rest whose addresses are remembered; of more, those that rest longest get new ones. */
const REMEMBERED_MAX = 4096;

/** A network that stands: its record, which of its addresses are in use, and by whom. */
export class LiveNetwork {
  readonly record: NetworkRecord;
  /** Who is called what on it. */
  readonly names = new NameTable();
  readonly #endpoints = new Map<string, EndpointRecord>();
  readonly #pools: readonly AddressPool[];
  /** By container, the addresses that it had: it gets them again at its next start, if they are free. Oldest first. */
  readonly #last = new Map<string, Partial<Record<Family, IpAddress>>>();

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
   * An address of a family for a container: the one that was asked for, the one that it had last, or the next free one
   * of the first subnet that has one. Undefined where the network has no subnet of that family.
   */
  allocate(family: Family, containerId: string, asked?: IpAddress): InterfaceAddress | undefined {
    if (asked !== undefined) return this.#poolOf(asked).take(asked);
    const last = this.#last.get(containerId)?.[family];
    const known = last === undefined ? undefined : this.#pools.find((pool) => contains(pool.subnet, last));
    const pools = this.#pools.filter((pool) => pool.subnet.family === family && pool !== known);
    let failure: EngineError | undefined;
    for (const pool of known === undefined ? pools : [known, ...pools]) {
      try {
        return pool.allocate(pool === known ? last : undefined);
      } catch (error) {
        failure = error as EngineError;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** The host's address in the subnet of an address. */
  hostAddress(address: IpAddress): string | undefined {
    return this.#configOf(address)?.gateway;
  }

  /** Where a container of that address sends what is for elsewhere: to the host, unless the user says otherwise. */
  gatewayOf(address: IpAddress): string | undefined {
    const config = this.#configOf(address);
    return config?.auxiliary?.[DEFAULT_GATEWAY[address.family]] ?? config?.gateway;
  }

  #configOf(address: IpAddress): IpamConfig | undefined {
    return this.record.ipam.find((config) => contains(parseSubnet(config.subnet), address));
  }

  /** Notes an endpoint that is there already: its addresses are not handed out again. */
  adopt(endpoint: EndpointRecord): void {
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      const address = addressOf(cidr);
      if (address !== undefined) this.#poolOf(address).take(address);
    }
    this.place(endpoint);
  }

  /** Something of an endpoint has changed: its name, its ports. Its addresses stay. */
  replace(endpoint: EndpointRecord): void {
    const old = this.#endpoints.get(endpoint.containerId);
    if (old !== undefined) this.names.remove(old);
    this.place(endpoint);
  }

  /** Gives an endpoint's addresses back. */
  release(endpoint: Pick<EndpointRecord, "containerId" | "ipv4" | "ipv6">): void {
    const placed = this.#endpoints.get(endpoint.containerId);
    if (placed !== undefined) this.names.remove(placed);
    this.#endpoints.delete(endpoint.containerId);
    this.#rememberLast(endpoint);
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      const address = addressOf(cidr);
      if (address === undefined) continue;
      this.#pools.find((pool) => contains(pool.subnet, address))?.release(address);
    }
  }

  #rememberLast({ containerId, ipv4, ipv6 }: Pick<EndpointRecord, "containerId" | "ipv4" | "ipv6">): void {
    if (containerId === "") return;
    const [four, six] = [addressOf(ipv4), addressOf(ipv6)];
    this.#last.delete(containerId);
    this.#last.set(containerId, {
      ...(four === undefined ? {} : { 4: four }),
      ...(six === undefined ? {} : { 6: six }),
    });
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= REMEMBERED_MAX) break;
      this.#last.delete(oldest);
    }
  }

  #poolOf(address: IpAddress): AddressPool {
    const pool = this.#pools.find((one) => contains(one.subnet, address));
    if (pool === undefined) {
      throw invalidParameter(`no configured subnet contains IP address ${formatAddress(address)}`);
    }
    return pool;
  }
}
