import { AF_INET } from "../constants.ts";
import { formatIp, parseCidr } from "./ip.ts";
import { NetlinkMessage, type NetlinkReply, NLM_F_CREATE, NLM_F_EXCL, parseAttributes } from "./message.ts";
import type { NetlinkRequest } from "./netlink-socket.ts";
import * as rt from "./rtnetlink.ts";

/** An address of a link. */
export interface Address {
  /** Index of the link. */
  readonly link: number;
  readonly family: 4 | 6;
  /** Without its prefix length: `172.17.0.2`. */
  readonly address: string;
  readonly prefixLength: number;
  /** As `iproute2` numbers them: 0 global, 253 link, 254 host. */
  readonly scope: number;
}

export interface AddressOptions {
  /** IPv6: do not probe for duplicates, so that the address can be used at once. */
  readonly noDad?: boolean;
}

export function addAddress(link: number, cidr: string, options: AddressOptions = {}): NetlinkRequest {
  const message = addressMessage(rt.RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, cidr);
  if (options.noDad === true) message.attributeU32(rt.IFA_FLAGS, rt.IFA_F_NODAD);
  return { message, subject: `add address ${cidr}` };
}

export function removeAddress(link: number, cidr: string): NetlinkRequest {
  return { message: addressMessage(rt.RTM_DELADDR, 0, link, cidr), subject: `remove address ${cidr}` };
}

/** `struct ifaddrmsg`: family, prefix length, flags, scope, link. IPv4 gets the network's broadcast address too. */
function addressMessage(type: number, flags: number, link: number, cidr: string): NetlinkMessage {
  const { family, bytes, prefixLength } = parseCidr(cidr);
  const message = new NetlinkMessage(type, flags);
  message.u8(family).u8(prefixLength).u8(0).u8(0).u32(link);
  message.attribute(rt.IFA_LOCAL, bytes).attribute(rt.IFA_ADDRESS, bytes);
  const broadcasts = family === AF_INET && prefixLength < 31 && type === rt.RTM_NEWADDR;
  return broadcasts ? message.attribute(rt.IFA_BROADCAST, broadcastOf(bytes, prefixLength)) : message;
}

/** All host bits set. */
function broadcastOf(bytes: Uint8Array, prefixLength: number): Uint8Array {
  return bytes.map((byte, at) => {
    const networkBits = Math.min(8, Math.max(0, prefixLength - 8 * at));
    return byte | (0xff >> networkBits);
  });
}

export function listAddresses(): NetlinkMessage {
  return new NetlinkMessage(rt.RTM_GETADDR, 0).u32(0).u32(0);
}

export function parseAddress({ type, body }: NetlinkReply): Address | undefined {
  if (type !== rt.RTM_NEWADDR) return undefined;
  const attributes = parseAttributes(body.subarray(8));
  const bytes = attributes.get(rt.IFA_LOCAL) ?? attributes.get(rt.IFA_ADDRESS);
  if (bytes === undefined) return undefined;
  return {
    link: body.readUInt32LE(4),
    family: body.readUInt8(0) === AF_INET ? 4 : 6,
    address: formatIp(bytes),
    prefixLength: body.readUInt8(1),
    scope: body.readUInt8(3),
  };
}
