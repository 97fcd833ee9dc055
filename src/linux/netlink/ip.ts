import { isIPv4, isIPv6 } from "node:net";
import { invalidParameter } from "../../lib/index.ts";
import { AF_INET, AF_INET6 } from "../constants.ts";

/** An IP address and how many of its bits are the network's. */
export interface Cidr {
  readonly family: typeof AF_INET | typeof AF_INET6;
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
}

/** `10.0.0.1/24`, `fd00::1/64`; without a prefix length, one address. @throws InvalidParameter. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf("/");
  const bytes = parseIp(slash === -1 ? text : text.slice(0, slash));
  const most = bytes.length * 8;
  const prefix = slash === -1 ? String(most) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > most)
    throw invalidParameter(`invalid CIDR address: ${text}`);
  return { family: bytes.length === 4 ? AF_INET : AF_INET6, bytes, prefixLength: Number(prefix) };
}

/** 4 or 16 bytes in network order. @throws InvalidParameter for anything but an address. */
export function parseIp(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (isIPv6(text) && !text.includes("%")) return parseIpv6(text);
  throw invalidParameter(`invalid IP address: ${text}`);
}

function parseIpv6(text: string): Uint8Array {
  const tail = /:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  const plain = tail === undefined ? text : `${text.slice(0, -tail.length)}${embeddedIpv4(tail)}`;
  const [head = "", rest] = plain.split("::");
  const before = groupsOf(head);
  const after = groupsOf(rest ?? "");
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const groups = rest === undefined ? before : [...before, ...zeros, ...after];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** The last 32 bits may be written as an IPv4 address. */
function embeddedIpv4(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** The text of 4 or 16 bytes; IPv6 in the canonical form of RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join(".") : formatIpv6(bytes);
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16),
  );
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === "0") end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

/** `02:42:ac:11:00:02` as six bytes. @throws InvalidParameter. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text))
    throw invalidParameter(`invalid MAC address: ${text}`);
  return Uint8Array.from(text.split(/[:-]/), (byte) => Number.parseInt(byte, 16));
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
