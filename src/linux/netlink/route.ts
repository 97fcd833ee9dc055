import { invalidParameter } from "../../lib/index.ts";
import { AF_INET, AF_INET6 } from "../constants.ts";
import { type Cidr, formatIp, parseCidr, parseIp } from "./ip.ts";
import {
  attributeU32,
  NetlinkMessage,
  type NetlinkReply,
  NLM_F_CREATE,
  NLM_F_EXCL,
  parseAttributes,
} from "./message.ts";
import type { NetlinkRequest } from "./netlink-socket.ts";
import * as rt from "./rtnetlink.ts";

/** A unicast route of the main table, as it is added or removed. */
export interface RouteSpec {
  /** CIDR; absent for the default route. */
  readonly destination?: string;
  readonly gateway?: string;
  /** Name of the link that it goes through; the kernel finds it by the gateway where it is not given. */
  readonly device?: string;
  /** `link` where there is no gateway, else `global`. */
  readonly scope?: "global" | "link" | "host";
  readonly metric?: number;
  /** Source address of what this host itself sends that way. */
  readonly source?: string;
  /** The gateway is on the link although no address of the link says so. */
  readonly onLink?: boolean;
}

/** A route as the kernel has it. */
export interface Route {
  readonly family: 4 | 6;
  /** `default` or a CIDR. */
  readonly destination: string;
  readonly gateway?: string;
  /** Index of the link. */
  readonly link?: number;
  readonly metric?: number;
  readonly table: number;
}

const SCOPES = { global: rt.RT_SCOPE_UNIVERSE, link: rt.RT_SCOPE_LINK, host: rt.RT_SCOPE_HOST } as const;

/** @param link Index of `route.device`. */
export function addRoute(route: RouteSpec, link?: number): NetlinkRequest {
  const scope = SCOPES[route.scope ?? (route.gateway === undefined ? "link" : "global")];
  const message = new NetlinkMessage(rt.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  writeRoute(message, route, link, { scope, protocol: rt.RTPROT_BOOT, type: rt.RTN_UNICAST });
  return { message, subject: `add route ${route.destination ?? "default"}` };
}

/** What a route to be removed does not say matches any: its scope too. */
export function removeRoute(route: RouteSpec, link?: number): NetlinkRequest {
  const scope = route.scope === undefined ? rt.RT_SCOPE_NOWHERE : SCOPES[route.scope];
  const message = new NetlinkMessage(rt.RTM_DELROUTE, 0);
  writeRoute(message, route, link, { scope, protocol: 0, type: 0 });
  return { message, subject: `remove route ${route.destination ?? "default"}` };
}

/** `struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type, flags; then attributes. */
function writeRoute(
  message: NetlinkMessage,
  route: RouteSpec,
  link: number | undefined,
  { scope, protocol, type }: { scope: number; protocol: number; type: number },
): void {
  const destination = destinationOf(route);
  message.u8(destination.family).u8(destination.prefixLength).u8(0).u8(0);
  message.u8(rt.RT_TABLE_MAIN).u8(protocol).u8(scope).u8(type);
  message.u32(route.onLink === true ? rt.RTNH_F_ONLINK : 0);
  if (destination.prefixLength > 0) message.attribute(rt.RTA_DST, destination.bytes);
  if (route.gateway !== undefined) message.attribute(rt.RTA_GATEWAY, parseIp(route.gateway));
  if (route.source !== undefined) message.attribute(rt.RTA_PREFSRC, parseIp(route.source));
  if (link !== undefined) message.attributeU32(rt.RTA_OIF, link);
  if (route.metric !== undefined) message.attributeU32(rt.RTA_PRIORITY, route.metric);
}

/** A default route has its gateway's family. */
function destinationOf({ destination, gateway }: RouteSpec): Cidr {
  if (destination !== undefined && destination !== "default") return parseCidr(destination);
  if (gateway === undefined) throw invalidParameter("a default route needs a gateway");
  const bytes = parseIp(gateway);
  return { family: bytes.length === 4 ? AF_INET : AF_INET6, bytes, prefixLength: 0 };
}

/** `struct rtmsg` all zero: routes of all families and tables. */
export function listRoutes(): NetlinkMessage {
  return new NetlinkMessage(rt.RTM_GETROUTE, 0).bytes(new Uint8Array(12));
}

/** Unicast routes only: a namespace also has local, broadcast and multicast ones of its own. */
export function parseRoute({ type, body }: NetlinkReply): Route | undefined {
  if (type !== rt.RTM_NEWROUTE || body.readUInt8(7) !== rt.RTN_UNICAST) return undefined;
  const attributes = parseAttributes(body.subarray(12));
  const destination = attributes.get(rt.RTA_DST);
  const gateway = attributes.get(rt.RTA_GATEWAY);
  const link = attributeU32(attributes, rt.RTA_OIF);
  const metric = attributeU32(attributes, rt.RTA_PRIORITY);
  return {
    family: body.readUInt8(0) === AF_INET ? 4 : 6,
    destination: destination === undefined ? "default" : `${formatIp(destination)}/${body.readUInt8(1)}`,
    ...(gateway === undefined ? {} : { gateway: formatIp(gateway) }),
    ...(link === undefined ? {} : { link }),
    ...(metric === undefined ? {} : { metric }),
    table: attributeU32(attributes, rt.RTA_TABLE) ?? body.readUInt8(4),
  };
}
