import { invalidParameter, newId, shortId } from "../lib/index.ts";
import type { EndpointSettings } from "../wire/index.ts";
import { bridgeSettings } from "./bridge/settings.ts";
import { type Family, formatAddress, type InterfaceAddress, type IpAddress, parseAddress } from "./cidr.ts";
import type { Publication } from "./filter/packet-filter.ts";
import { askedInterfaceName, newHostInterface } from "./interface.ts";
import { macOf, parseMac } from "./mac.ts";
import type { LiveNetwork } from "./network.ts";
import type { PortOwner } from "./ports/host-ports.ts";
import { type PortRequest, type PublishedPort, portKey } from "./ports/requests.ts";
import type { EndpointRecord, EndpointWishes, NetworkRecord, PortRecord } from "./records.ts";
import { addressOf } from "./settings.ts";

/** A container as its endpoints know it. */
export interface EndpointOwner {
  readonly containerId: string;
  readonly name: string;
  readonly hostname: string;
}

/** One place on a network that is about to be taken. */
export interface Plan {
  readonly network: LiveNetwork;
  readonly wishes: EndpointWishes;
}

/** `host` and `none`: a name without anything behind it. */
export function isPassive(network: LiveNetwork): boolean {
  return network.record.driver === "host" || network.record.driver === "null";
}

/**
 * The order of a container's networks. The first that leads there is its way to everywhere else, so an internal
 * network comes last; of equal ones the name decides, as in Docker.
 */
export function inOrder<T extends { readonly network: LiveNetwork }>(
  places: readonly T[],
  wishesOf: (place: T) => EndpointWishes,
): T[] {
  const priority = (place: T) => wishesOf(place).gatewayPriority ?? 0;
  const inside = ({ network }: T) => (network.record.internal ? 1 : 0);
  return places.toSorted(
    (a, b) =>
      inside(a) - inside(b) ||
      priority(b) - priority(a) ||
      (a.network.record.name < b.network.record.name ? -1 : 1),
  );
}

/** What the user asked for on one network. */
export function wishesOf(settings: EndpointSettings): EndpointWishes {
  const { IPAMConfig, MacAddress, Links, Aliases, DriverOpts, GwPriority } = settings;
  return {
    ...(IPAMConfig ? { ipam: IPAMConfig } : {}),
    ...(MacAddress ? { mac: MacAddress } : {}),
    ...(Links ? { links: Links } : {}),
    ...(Aliases ? { aliases: Aliases } : {}),
    ...(DriverOpts ? { driverOptions: DriverOpts } : {}),
    ...(GwPriority ? { gatewayPriority: GwPriority } : {}),
  };
}

export function passiveEndpoint(owner: EndpointOwner, plan: Plan, sandboxId: string): EndpointRecord {
  return {
    id: newId(),
    networkId: plan.network.record.id,
    containerId: owner.containerId,
    sandboxId,
    containerName: owner.name,
    interfaceName: "",
    hostInterface: "",
    mac: "",
    ports: [],
    dnsNames: [],
    asked: plan.wishes,
  };
}

/**
 * A new endpoint with addresses of its own; the caller gives them back with it.
 * @throws Conflict or InvalidParameter for an address that was asked for, Unavailable where none is left
 */
export function newEndpoint(
  owner: EndpointOwner,
  plan: Plan,
  place: { readonly sandboxId: string; readonly interfaceName: string },
): EndpointRecord {
  const { network, wishes } = plan;
  const { record } = network;
  const mac = wishes.mac === undefined ? undefined : parseMac(wishes.mac);
  const { containerId } = owner;
  const ipv4 = record.ipv4
    ? network.allocate(4, containerId, askedAddress(wishes.ipam?.IPv4Address, 4))
    : undefined;
  try {
    const ipv6 = record.ipv6
      ? network.allocate(6, containerId, askedAddress(wishes.ipam?.IPv6Address, 6))
      : undefined;
    return {
      id: newId(),
      networkId: record.id,
      containerId: owner.containerId,
      sandboxId: place.sandboxId,
      containerName: owner.name,
      interfaceName: place.interfaceName,
      hostInterface: newHostInterface(),
      mac: mac ?? macOf((ipv4 ?? ipv6)!.address),
      ...addressFields(network, ipv4, ipv6),
      ports: [],
      dnsNames: record.predefined === true ? [] : dnsNames(owner, wishes),
      asked: wishes,
    };
  } catch (error) {
    if (ipv4 !== undefined) network.release({ containerId: "", ipv4: cidrOf(ipv4) });
    throw error;
  }
}

/** An internal network has addresses of the host's, but no way through it. */
function addressFields(
  network: LiveNetwork,
  ipv4: InterfaceAddress | undefined,
  ipv6: InterfaceAddress | undefined,
): Pick<EndpointRecord, "ipv4" | "ipv6" | "gateway4" | "gateway6"> {
  const gateway = (own: InterfaceAddress | undefined) =>
    own === undefined || network.record.internal ? undefined : network.gatewayOf(own.address);
  const [gateway4, gateway6] = [gateway(ipv4), gateway(ipv6)];
  return {
    ...(ipv4 === undefined ? {} : { ipv4: cidrOf(ipv4) }),
    ...(ipv6 === undefined ? {} : { ipv6: cidrOf(ipv6) }),
    ...(gateway4 === undefined ? {} : { gateway4 }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
  };
}

/** The same endpoint of a container that is called otherwise now. */
export function renamed(endpoint: EndpointRecord, owner: EndpointOwner): EndpointRecord {
  return {
    ...endpoint,
    containerName: owner.name,
    dnsNames: endpoint.dnsNames.length === 0 ? [] : dnsNames(owner, endpoint.asked),
  };
}

/** Docker's order: name, aliases, short id, hostname; each once. */
function dnsNames(owner: EndpointOwner, wishes: EndpointWishes): string[] {
  return [
    ...new Set([owner.name, ...(wishes.aliases ?? []), shortId(owner.containerId), owner.hostname]),
  ].filter((name) => name !== "");
}

/**
 * The next free `eth0`, `eth1`, … of a container, or the name that was asked for.
 * @throws InvalidParameter
 */
export function nextInterface({ network, wishes }: Plan, taken: ReadonlySet<string>): string {
  const asked = askedInterfaceName(wishes);
  if (asked !== undefined) {
    if (taken.has(asked) || asked === "lo") throw invalidParameter(`interface name ${asked} is taken`);
    return asked;
  }
  const prefix = network.record.driver === "bridge" ? bridgeSettings(network.record).interfacePrefix : "eth";
  let index = 0;
  while (taken.has(`${prefix}${index}`)) index++;
  return `${prefix}${index}`;
}

const cidrOf = ({ address, subnet }: InterfaceAddress) => `${formatAddress(address)}/${subnet.bits}`;

function askedAddress(text: string | undefined, family: 4 | 6): IpAddress | undefined {
  if (text === undefined || text === "") return undefined;
  const address = parseAddress(text);
  if (address.family !== family) throw invalidParameter(`invalid IPv${family} address: ${text}`);
  return address;
}

/** Where a network's ports go that name no address; 0.0.0.0 is what everybody gets anyway. */
export function defaultHostAddress(network: LiveNetwork): { defaultHostAddress?: IpAddress } {
  const { hostBinding } = bridgeSettings(network.record);
  if (hostBinding === undefined || hostBinding === "0.0.0.0") return {};
  return { defaultHostAddress: parseAddress(hostBinding) };
}

/** Families in which a network's containers keep their own addresses. */
export function routedFamilies(record: NetworkRecord): Family[] {
  const { gatewayModes } = bridgeSettings(record);
  return ([4, 6] as const).filter((family) => gatewayModes[family] === "routed");
}

/** Families in which ports of the host lead to an endpoint: directly, or by way of the family that it has. */
export function nattedFamilies(endpoint: EndpointRecord, routed: readonly Family[]): Family[] {
  const own = { 4: endpoint.ipv4 === undefined ? 6 : 4, 6: endpoint.ipv6 === undefined ? 4 : 6 } as const;
  return ([4, 6] as const).filter((family) => !routed.includes(family) && !routed.includes(own[family]));
}

/** Ports that are reached at the container's own address: published, but not on the host. */
export function openPorts(requests: readonly PortRequest[], families: readonly Family[]): PublishedPort[] {
  const ports = requests.flatMap(({ container, hostAddress }) =>
    families
      .filter((family) => hostAddress === undefined || hostAddress.family === family)
      .map((family) => ({ container, hostAddress: { family, value: 0n }, hostPort: 0 })),
  );
  return [
    ...new Map(ports.map((port) => [`${port.hostAddress.family} ${portKey(port.container)}`, port])).values(),
  ];
}

export function ownerOf(endpoint: EndpointRecord): PortOwner {
  const ipv4 = addressOf(endpoint.ipv4);
  const ipv6 = addressOf(endpoint.ipv6);
  return {
    containerId: endpoint.containerId,
    name: endpoint.containerName,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
}

export const portRecord = (port: PublishedPort): PortRecord => ({
  containerPort: port.container.port,
  protocol: port.container.protocol,
  hostAddress: formatAddress(port.hostAddress),
  hostPort: port.hostPort,
});

export const publishedPort = (record: PortRecord): PublishedPort => ({
  container: { port: record.containerPort, protocol: record.protocol },
  hostAddress: parseAddress(record.hostAddress),
  hostPort: record.hostPort,
});

/** What the packet filter leads to the container: ports of a family in which it has an address. */
export function publicationsOf(network: LiveNetwork, endpoint: EndpointRecord): Publication[] {
  return endpoint.ports.flatMap((record) => {
    const port = publishedPort(record);
    const v6 = port.hostAddress.family === 6;
    const address = addressOf(v6 ? endpoint.ipv6 : endpoint.ipv4);
    const gateway = address === undefined ? undefined : network.hostAddress(address);
    if (address === undefined || gateway === undefined) return [];
    return [{ ...port, address, gateway: parseAddress(gateway) }];
  });
}
