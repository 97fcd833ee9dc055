import { invalidParameter } from "../lib/index.ts";

export type Family = 4 | 6;

/** An IP address as a number, so that ranges and subnets are plain arithmetic. */
export interface IpAddress {
  readonly family: Family;
  readonly value: bigint;
}

/** A network prefix; `base` has no host bits set. */
export interface Subnet {
  readonly family: Family;
  readonly base: bigint;
  readonly bits: number;
}

/** An address with the length of its network's prefix: `172.17.0.1/16`. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly subnet: Subnet;
}

const WIDTH = { 4: 32, 6: 128 } as const;

/** The address, or undefined where the text is none. No leading zeros, no zone: what Go's `netip` takes. */
export function tryParseAddress(text: string): IpAddress | undefined {
  return text.includes(":") ? parse6(text) : parse4(text);
}

/** @throws InvalidParameter where the text is no address. */
export function parseAddress(text: string): IpAddress {
  const address = tryParseAddress(text);
  if (address === undefined) throw invalidParameter(`invalid IP address: ${text.slice(0, 100)}`);
  return address;
}

function parse4(text: string): IpAddress | undefined {
  const parts = text.split(".", 5);
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return { family: 4, value };
}

function parse6(text: string): IpAddress | undefined {
  if (text.length > 45) return undefined;
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (embedded !== null) {
    const tail = parse4(embedded[2]!);
    if (tail === undefined) return undefined;
    return parse6(`${embedded[1]}${(tail.value >> 16n).toString(16)}:${(tail.value & 0xffffn).toString(16)}`);
  }
  const halves = text.split("::", 3);
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = head!.length + (tail?.length ?? 0);
  if (tail === undefined ? given !== 8 : given > 7) return undefined;
  const groups = [...head!, ...new Array<string>(8 - given).fill("0"), ...(tail ?? [])];
  let value = 0n;
  for (const group of groups) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return { family: 6, value };
}

/** The usual text: dotted, or RFC 5952 for IPv6. */
export function formatAddress(address: IpAddress): string {
  if (address.family === 4) {
    const value = Number(address.value);
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    Number((address.value >> BigInt(112 - 16 * i)) & 0xffffn),
  );
  const gap = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (gap.length < 2) return hex(groups);
  return `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.start + gap.length))}`;
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** Reads `192.168.0.0/20`; host bits are masked away. Undefined where the text is no prefix. */
export function tryParseInterface(text: string): InterfaceAddress | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match === null ? undefined : tryParseAddress(match[1]!);
  const bits = Number(match?.[2]);
  if (address === undefined || bits > WIDTH[address.family]) return undefined;
  return { address, subnet: subnetOf(address, bits) };
}

/** @throws InvalidParameter, in the words of Go's `net.ParseCIDR`. */
export function parseInterface(text: string): InterfaceAddress {
  const parsed = tryParseInterface(text);
  if (parsed === undefined) throw invalidParameter(`invalid CIDR address: ${text.slice(0, 100)}`);
  return parsed;
}

/** @throws InvalidParameter */
export function parseSubnet(text: string): Subnet {
  return parseInterface(text).subnet;
}

/** The prefix of this length that the address lies in. */
export function subnetOf(address: IpAddress, bits: number): Subnet {
  const hostBits = BigInt(WIDTH[address.family] - bits);
  return { family: address.family, base: (address.value >> hostBits) << hostBits, bits };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress({ family: subnet.family, value: subnet.base })}/${subnet.bits}`;
}

/** How many addresses a prefix has. */
export function sizeOf(subnet: Subnet): bigint {
  return 1n << BigInt(WIDTH[subnet.family] - subnet.bits);
}

/** The nth address; negative numbers count from the end. */
export function nthAddress(subnet: Subnet, n: bigint): IpAddress {
  return { family: subnet.family, value: subnet.base + (n < 0n ? sizeOf(subnet) + n : n) };
}

export function contains(subnet: Subnet, address: IpAddress): boolean {
  return subnet.family === address.family && subnetOf(address, subnet.bits).base === subnet.base;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  if (a.family !== b.family) return false;
  const bits = Math.min(a.bits, b.bits);
  const shift = BigInt(WIDTH[a.family] - bits);
  return a.base >> shift === b.base >> shift;
}

export function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.value === b.value;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: IpAddress): boolean {
  return address.family === 4 ? address.value >> 24n === 127n : address.value === 1n;
}

/** 0.0.0.0 and ::, which as a host address of a published port mean all of its family. */
export function isUnspecified(address: IpAddress): boolean {
  return address.value === 0n;
}
