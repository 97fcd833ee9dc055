import { randomBytes } from "node:crypto";
import { messageOf, systemError } from "../../lib/index.ts";
import {
  formatAddress,
  formatSubnet,
  type InterfaceAddress,
  overlaps,
  type Subnet,
  subnetOf,
  tryParseAddress,
  tryParseInterface,
} from "../cidr.ts";
import type { NetworkHost } from "../host.ts";

/** A bridge as it shall stand on the host. */
export interface HostBridge {
  readonly name: string;
  readonly mtu: number;
  /** The host's own addresses on it, which are the containers' gateways. */
  readonly addresses: readonly InterfaceAddress[];
  /** It is somebody else's, who has to make it. */
  readonly foreign: boolean;
}

/** The addresses of a bridge that stands already, without those of the link alone; none where there is no such bridge. */
export function bridgeAddresses(host: NetworkHost, name: string): InterfaceAddress[] {
  const link = host.routes.link(name);
  if (link === undefined) return [];
  if (link.kind !== "bridge") throw systemError(`the interface ${name} exists and is not a bridge`);
  return host.routes.addresses().flatMap((one) => {
    if (one.link !== link.index || one.address.startsWith("fe80:")) return [];
    return tryParseInterface(`${one.address}/${one.prefixLength}`) ?? [];
  });
}

/** Makes the bridge, or what is missing of it. */
export function ensureBridge(host: NetworkHost, bridge: HostBridge): void {
  const { routes } = host;
  if (routes.link(bridge.name) === undefined) {
    if (bridge.foreign) {
      throw systemError(`bridge device with non default name ${bridge.name} must be created manually`);
    }
    routes.createBridge(bridge.name, { mac: randomMac(), mtu: bridge.mtu });
  }
  try {
    configureBridge(host, bridge);
  } catch (error) {
    throw systemError(`cannot set up the bridge ${bridge.name}: ${messageOf(error)}`, error);
  }
}

function configureBridge(host: NetworkHost, bridge: HostBridge): void {
  const { routes } = host;
  const v6 = bridge.addresses.some(({ address }) => address.family === 6);
  // Without an address of its own a bridge has no business in IPv6; nor does it ever listen to routers.
  host.setSysctl(`ipv6/conf/${bridge.name}/accept_ra`, "0");
  // Its link-local address is used at once: until it is, the host cannot ask for the neighbours that it forwards to.
  host.setSysctl(`ipv6/conf/${bridge.name}/accept_dad`, "0");
  host.setSysctl(`ipv6/conf/${bridge.name}/disable_ipv6`, v6 ? "0" : "1");
  const index = routes.link(bridge.name)?.index;
  const present = new Set(
    routes.addresses().flatMap((one) => (one.link === index ? [`${one.address}/${one.prefixLength}`] : [])),
  );
  for (const { address, subnet } of bridge.addresses) {
    const text = `${formatAddress(address)}/${subnet.bits}`;
    if (!present.has(text)) routes.addAddress(bridge.name, text, { noDad: true });
  }
  routes.setUp(bridge.name);
}

/**
 * Without an address of its own a bridge takes the lowest of its ports', and changes with them: connections break.
 * Locally administered, as Docker's are.
 */
function randomMac(): string {
  return `02:42:${randomBytes(4).toString("hex").match(/../g)!.join(":")}`;
}

/**
 * Every subnet that somebody on this host already uses: whatever an interface has, whatever is routed, and the name
 * servers that it asks. The bridges named in `except` do not count.
 */
export function subnetsInUse(
  host: NetworkHost,
  nameservers: readonly string[],
  except: ReadonlySet<string> = new Set(),
): Subnet[] {
  const { routes } = host;
  const ours = new Set(routes.links().flatMap((link) => (except.has(link.name) ? [link.index] : [])));
  const used: Subnet[] = [];
  for (const { link, address, prefixLength } of routes.addresses()) {
    const parsed = ours.has(link) ? undefined : tryParseInterface(`${address}/${prefixLength}`);
    if (parsed !== undefined) used.push(parsed.subnet);
  }
  for (const { link, destination } of routes.routes()) {
    const parsed = link !== undefined && ours.has(link) ? undefined : tryParseInterface(destination);
    // A default route in two halves (VPNs do that) says nothing about what is used.
    if (parsed !== undefined && parsed.subnet.bits > 1) used.push(parsed.subnet);
  }
  for (const server of nameservers) {
    const address = tryParseAddress(server);
    if (address !== undefined) used.push(subnetOf(address, address.family === 4 ? 32 : 128));
  }
  return used;
}

/** The first of those in use that a subnet meets. */
export function overlapping(subnet: Subnet, used: readonly Subnet[]): Subnet | undefined {
  return used.find((one) => overlaps(one, subnet));
}

/**
 * For each subnet of a bridge that another interface of the host has too, or a part of it, a sentence that says so: the
 * host finds the neighbours of one of the two only.
 */
export function clashes(host: NetworkHost, bridge: string, subnets: readonly Subnet[]): string[] {
  const { routes } = host;
  const names = new Map(routes.links().map((link) => [link.index, link.name]));
  return routes.addresses().flatMap(({ link, address, prefixLength }) => {
    const name = names.get(link);
    const other = tryParseInterface(`${address}/${prefixLength}`)?.subnet;
    if (name === bridge || other === undefined) return [];
    return subnets
      .filter((subnet) => overlaps(subnet, other))
      .map(
        (subnet) =>
          `the subnet ${formatSubnet(subnet)} overlaps with ${formatSubnet(other)} of the host's interface ${name}: one of both may not be reached`,
      );
  });
}
