import { formatAddress, type IpAddress, tryParseAddress } from "../cidr.ts";
import type { EndpointRecord } from "../records.ts";

/** Who is called what on one network. Names are compared without regard to case, as everywhere in DNS. */
export class NameTable {
  readonly #byName = new Map<string, Map<string, EndpointRecord>>();
  readonly #byAddress = new Map<string, EndpointRecord>();

  add(endpoint: EndpointRecord): void {
    for (const name of endpoint.dnsNames) {
      const key = name.toLowerCase();
      const sharers = this.#byName.get(key) ?? new Map<string, EndpointRecord>();
      sharers.set(endpoint.id, endpoint);
      this.#byName.set(key, sharers);
    }
    for (const address of addressesOf(endpoint)) this.#byAddress.set(address, endpoint);
  }

  remove(endpoint: EndpointRecord): void {
    for (const name of endpoint.dnsNames) {
      const key = name.toLowerCase();
      const sharers = this.#byName.get(key);
      sharers?.delete(endpoint.id);
      if (sharers?.size === 0) this.#byName.delete(key);
    }
    for (const address of addressesOf(endpoint)) {
      if (this.#byAddress.get(address)?.id === endpoint.id) this.#byAddress.delete(address);
    }
  }

  /** Everybody of that name, which several may share as an alias. */
  find(name: string): readonly EndpointRecord[] {
    return [...(this.#byName.get(name.toLowerCase())?.values() ?? [])];
  }

  findAddress(address: string): EndpointRecord | undefined {
    return this.#byAddress.get(address);
  }
}

function addressesOf(endpoint: EndpointRecord): string[] {
  return [endpoint.ipv4, endpoint.ipv6]
    .filter((cidr) => cidr !== undefined)
    .map((cidr) => cidr.slice(0, cidr.indexOf("/")));
}

/** The address that a name below `in-addr.arpa` or `ip6.arpa` stands for; undefined for all others. */
export function reverseName(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (lower.endsWith(".in-addr.arpa")) {
    const text = lower.slice(0, -".in-addr.arpa".length).split(".").reverse().join(".");
    return print(tryParseAddress(text));
  }
  if (!lower.endsWith(".ip6.arpa")) return undefined;
  const digits = lower.slice(0, -".ip6.arpa".length).split(".").reverse();
  if (digits.length !== 32 || digits.some((digit) => !/^[0-9a-f]$/.test(digit))) return undefined;
  return print(tryParseAddress(digits.join("").match(/..../g)!.join(":")));
}

const print = (address: IpAddress | undefined) =>
  address === undefined ? undefined : formatAddress(address);
