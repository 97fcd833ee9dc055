import { invalidParameter, notFound } from "../lib/index.ts";
import { parseSubnet, type Subnet } from "./cidr.ts";
import type { LiveNetwork } from "./network.ts";
import type { NetworkRecord } from "./records.ts";

/** The networks that there are, as people call them. */
export class NetworkSet implements Iterable<LiveNetwork> {
  readonly #standing = new Map<string, LiveNetwork>();
  /** Being made, by id: their names and subnets are taken. */
  readonly #making = new Map<string, NetworkRecord>();

  [Symbol.iterator](): Iterator<LiveNetwork> {
    return [...this.#standing.values()][Symbol.iterator]();
  }

  /** Its name and subnets are nobody else's from here on. */
  begin(record: NetworkRecord): void {
    this.#making.set(record.id, record);
  }

  abandon(record: NetworkRecord): void {
    this.#making.delete(record.id);
  }

  add(network: LiveNetwork): void {
    this.#making.delete(network.record.id);
    this.#standing.set(network.record.id, network);
  }

  remove(network: LiveNetwork): void {
    this.#standing.delete(network.record.id);
  }

  /** Of all, those that are being made included. */
  records(): NetworkRecord[] {
    return [...[...this].map(({ record }) => record), ...this.#making.values()];
  }

  /** Subnets of all but one. */
  subnets(exceptId: string): Subnet[] {
    return this.records()
      .filter((record) => record.id !== exceptId && record.configOnly !== true)
      .flatMap((record) => record.ipam.map((config) => parseSubnet(config.subnet)));
  }

  /**
   * By id, name, or the beginning of an id, in this order.
   * @throws NotFound `network x not found`, InvalidParameter where several begin so
   */
  find(nameOrId: string): LiveNetwork {
    const wanted = canonicalName(nameOrId);
    const exact = this.#standing.get(wanted) ?? this.byName(wanted);
    if (exact !== undefined) return exact;
    const matches = [...this].filter(({ record }) => record.id.startsWith(wanted));
    if (matches.length > 1) {
      throw invalidParameter(
        `network ${wanted} is ambiguous (${matches.length} matches found based on ID prefix)`,
      );
    }
    const [match] = matches;
    if (match === undefined) throw notFound(`network ${wanted} not found`);
    return match;
  }

  byName(name: string): LiveNetwork | undefined {
    return [...this].find(({ record }) => record.name === name);
  }
}

/** Clients that don't care say `default`. */
export function canonicalName(networkMode: string): string {
  return networkMode === "" || networkMode === "default" ? "bridge" : networkMode;
}
