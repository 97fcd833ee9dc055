import { conflict, invalidParameter, unavailable } from "../lib/index.ts";
import {
  contains,
  formatAddress,
  type InterfaceAddress,
  type IpAddress,
  nthAddress,
  type Subnet,
  sizeOf,
} from "./cidr.ts";

export interface AddressPoolOptions {
  readonly subnet: Subnet;
  /** Where addresses are handed out; the whole subnet by default (`--ip-range`, `fixed-cidr`). */
  readonly range?: Subnet;
  /** Never handed out: the gateway, auxiliary addresses. */
  readonly reserved?: readonly IpAddress[];
}

/**
 * The addresses of one subnet. Handed out one after the other, and from the start again only at the end: an
 * address rests as long as possible before somebody else gets it, whom peers would take for the one before.
 *
 * It keeps what is in use, not what is free, so a /64 costs no more than a /29.
 */
export class AddressPool {
  readonly subnet: Subnet;
  readonly #range: Subnet;
  readonly #used = new Set<bigint>();
  /** The address that was handed out last. */
  #last: bigint;

  constructor(options: AddressPoolOptions) {
    this.subnet = options.subnet;
    this.#range = options.range ?? options.subnet;
    this.#last = this.#range.base - 1n;
    this.#reserveEnds();
    for (const address of options.reserved ?? []) this.#used.add(address.value);
  }

  /** The network's own address and, in IPv4, the broadcast address; a /31 or /32 has neither (RFC 3021). */
  #reserveEnds(): void {
    if (sizeOf(this.subnet) <= 2n) return;
    this.#used.add(this.subnet.base);
    if (this.subnet.family === 4) this.#used.add(nthAddress(this.subnet, -1n).value);
  }

  /**
   * The next free address, or the one that is preferred if it is free.
   * @throws Unavailable where all are in use
   */
  allocate(preferred?: IpAddress): InterfaceAddress {
    if (preferred !== undefined && contains(this.#range, preferred) && !this.#used.has(preferred.value)) {
      return this.#hold(preferred.value);
    }
    const size = sizeOf(this.#range);
    // Each used address can be met once, so one more step than that finds a free one, if there is one.
    const steps = size < BigInt(this.#used.size + 1) ? size : BigInt(this.#used.size + 1);
    let value = this.#last;
    for (let step = 0n; step < steps; step++) {
      value = value + 1n >= this.#range.base + size ? this.#range.base : value + 1n;
      if (!this.#used.has(value)) {
        this.#last = value;
        return this.#hold(value);
      }
    }
    throw unavailable(`no available IPv${this.subnet.family} addresses on this network's address pools`);
  }

  /**
   * An address that was asked for (`--ip`), or that a running container holds.
   * @throws Conflict where it is in use, InvalidParameter where it is not of this subnet
   */
  take(address: IpAddress): InterfaceAddress {
    if (!contains(this.subnet, address)) {
      throw invalidParameter(`no configured subnet contains IP address ${formatAddress(address)}`);
    }
    if (this.#used.has(address.value)) throw conflict("Address already in use");
    return this.#hold(address.value);
  }

  release(address: IpAddress): void {
    this.#used.delete(address.value);
  }

  #hold(value: bigint): InterfaceAddress {
    this.#used.add(value);
    return { address: { family: this.subnet.family, value }, subnet: this.subnet };
  }
}
