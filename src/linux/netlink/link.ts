import { invalidParameter } from "../../lib/index.ts";
import { AF_BRIDGE } from "../constants.ts";
import { formatMac, parseMac } from "./ip.ts";
import {
  type Attributes,
  attributeText,
  attributeU8,
  attributeU32,
  NetlinkMessage,
  type NetlinkReply,
  NLM_F_CREATE,
  NLM_F_EXCL,
  parseAttributes,
} from "./message.ts";
import type { NetlinkRequest } from "./netlink-socket.ts";
import * as rt from "./rtnetlink.ts";

/** A network interface as its namespace sees it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, `dummy`, …; undefined for `lo` and hardware. */
  readonly kind?: string;
  readonly mac?: string;
  readonly mtu: number;
  /** Whether it is set up (not whether it carries). */
  readonly up: boolean;
  /** Whether it carries: the cable is in, the veth's other end is up. */
  readonly running: boolean;
  /** Index of the bridge that it is a port of. */
  readonly master?: number;
  /** Index of a veth's other end or of a macvlan's parent, possibly in another namespace. */
  readonly parent?: number;
  /** What is set on it as a bridge's port. */
  readonly port?: { readonly hairpin: boolean; readonly isolated: boolean };
  readonly statistics?: LinkStatistics;
}

/** Counters since the link was made. */
export interface LinkStatistics {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

/** What may be set on a link when it is made or later. */
export interface LinkSettings {
  readonly mac?: string;
  readonly mtu?: number;
  readonly up?: boolean;
  /** Index of the bridge to become a port of; 0 to leave. */
  readonly master?: number;
  /** A new name. */
  readonly rename?: string;
}

/** The longest is IFNAMSIZ (16) with its NUL. */
const LONGEST_NAME = 15;

/** @throws InvalidParameter for what the kernel would cut or refuse as an interface's name. */
export function checkLinkName(name: string): string {
  const bad = name === "." || name === ".." || /[\s/:\0]/.test(name);
  if (name === "" || bad || Buffer.byteLength(name) > LONGEST_NAME) {
    throw invalidParameter(`invalid network interface name: ${JSON.stringify(name.slice(0, 100))}`);
  }
  return name;
}

/** Which link a request is about: by index where it is known, else by name. */
export type LinkKey = string | number;

/** Starts a request with `struct ifinfomsg`. */
export function linkMessage(
  type: number,
  flags: number,
  link: LinkKey,
  settings: LinkSettings = {},
): NetlinkMessage {
  const message = new NetlinkMessage(type, flags);
  writeLinkHeader(message, typeof link === "number" ? link : 0, settings.up);
  if (typeof link === "string") message.attributeText(rt.IFLA_IFNAME, checkLinkName(link));
  return writeSettings(message, settings);
}

/** `struct ifinfomsg`: family, padding, type, index, flags and which of the flags are meant. */
export function writeLinkHeader(
  message: NetlinkMessage,
  index: number,
  up: boolean | undefined,
  family = 0,
): void {
  message.u8(family).u8(0).u16(0).u32(index);
  message.u32(up === true ? rt.IFF_UP : 0).u32(up === undefined ? 0 : rt.IFF_UP);
}

export function writeSettings(message: NetlinkMessage, settings: LinkSettings): NetlinkMessage {
  if (settings.rename !== undefined) message.attributeText(rt.IFLA_IFNAME, checkLinkName(settings.rename));
  if (settings.mac !== undefined) message.attribute(rt.IFLA_ADDRESS, parseMac(settings.mac));
  if (settings.mtu !== undefined) message.attributeU32(rt.IFLA_MTU, settings.mtu);
  if (settings.master !== undefined) message.attributeU32(rt.IFLA_MASTER, settings.master);
  return message;
}

/** Changes a link that exists. */
export function changeLink(link: LinkKey, settings: LinkSettings): NetlinkRequest {
  return { message: linkMessage(rt.RTM_SETLINK, 0, link, settings), subject: `change link ${link}` };
}

export function deleteLink(name: string): NetlinkRequest {
  return { message: linkMessage(rt.RTM_DELLINK, 0, name), subject: `delete link ${name}` };
}

/** Makes a link of a kind, with what the kind itself wants to know. EEXIST where the name is taken. */
export function newLink(
  kind: string,
  name: string,
  settings: LinkSettings,
  extra: (message: NetlinkMessage) => void = () => {},
  data?: (message: NetlinkMessage) => void,
): NetlinkRequest {
  const message = linkMessage(rt.RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name, settings);
  extra(message);
  message.nested(rt.IFLA_LINKINFO, (info) => {
    info.attributeText(rt.IFLA_INFO_KIND, kind);
    if (data !== undefined) info.nested(rt.IFLA_INFO_DATA, data);
  });
  return { message, subject: `create ${kind} ${name}` };
}

/** A setting of a bridge's port, which the bridge module takes in messages of its own family. */
export function changeBridgePort(index: number, attribute: number, on: boolean): NetlinkRequest {
  const message = new NetlinkMessage(rt.RTM_SETLINK, 0);
  writeLinkHeader(message, index, undefined, AF_BRIDGE);
  message.nested(rt.IFLA_PROTINFO, (port) => port.attributeU8(attribute, on ? 1 : 0));
  return { message, subject: `change bridge port ${index}` };
}

/** The link that a message describes; undefined for messages of other types. */
export function parseLink({ type, body }: NetlinkReply): Link | undefined {
  if (type !== rt.RTM_NEWLINK) return undefined;
  const attributes = parseAttributes(body.subarray(16));
  const flags = body.readUInt32LE(8);
  const mac = attributes.get(rt.IFLA_ADDRESS);
  const info = parseAttributes(attributes.get(rt.IFLA_LINKINFO) ?? NOTHING);
  return {
    index: body.readInt32LE(4),
    name: attributeText(attributes, rt.IFLA_IFNAME) ?? "",
    ...optional("kind", attributeText(info, rt.IFLA_INFO_KIND)),
    ...optional("mac", mac?.length === 6 ? formatMac(mac) : undefined),
    mtu: attributeU32(attributes, rt.IFLA_MTU) ?? 0,
    up: (flags & rt.IFF_UP) !== 0,
    running: (flags & rt.IFF_RUNNING) !== 0,
    ...optional("master", attributeU32(attributes, rt.IFLA_MASTER)),
    ...optional("parent", attributeU32(attributes, rt.IFLA_LINK)),
    ...optional("port", parsePort(info)),
    ...optional("statistics", parseStatistics(attributes)),
  };
}

const NOTHING = Buffer.alloc(0);

function parsePort(info: Attributes): Link["port"] {
  const data = info.get(rt.IFLA_INFO_SLAVE_DATA);
  if (data === undefined) return undefined;
  const settings = parseAttributes(data);
  const isOn = (attribute: number) => attributeU8(settings, attribute) === 1;
  return { hairpin: isOn(rt.IFLA_BRPORT_MODE), isolated: isOn(rt.IFLA_BRPORT_ISOLATED) };
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value });
}

/** `struct rtnl_link_stats64`: 64-bit counters, packets and bytes and errors and drops each received, then sent. */
function parseStatistics(attributes: Attributes): LinkStatistics | undefined {
  const bytes = attributes.get(rt.IFLA_STATS64);
  if (bytes === undefined || bytes.length < 64) return undefined;
  const counter = (index: number) => Number(bytes.readBigUInt64LE(8 * index));
  return {
    rxPackets: counter(0),
    txPackets: counter(1),
    rxBytes: counter(2),
    txBytes: counter(3),
    rxErrors: counter(4),
    txErrors: counter(5),
    rxDropped: counter(6),
    txDropped: counter(7),
  };
}
