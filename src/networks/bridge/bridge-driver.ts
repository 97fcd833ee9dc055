import { log } from "../../lib/index.ts";
import { inNetworkNamespace, type NetworkNamespace, type RouteSpec } from "../../linux/index.ts";
import {
  type Family,
  formatAddress,
  formatSubnet,
  type InterfaceAddress,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
} from "../cidr.ts";
import type { JoinOptions, NetworkDriver } from "../driver.ts";
import type { PacketFilter } from "../filter/packet-filter.ts";
import { type NetworkHost, writeSysctl } from "../host.ts";
import { interfaceAddresses } from "../interface.ts";
import type { EndpointRecord, IpamConfig, NetworkRecord } from "../records.ts";
import { chooseSubnet, type SubnetPool, withGateway } from "../subnets.ts";
import { deleteLink } from "./delete-link.ts";
import { bridgeAddresses, ensureBridge, overlapping, subnetsInUse } from "./host-bridge.ts";
import { bridgeSettings } from "./settings.ts";
import { withSubnetLock } from "./subnet-lock.ts";

export interface BridgeDriverOptions {
  readonly host: NetworkHost;
  readonly filter: PacketFilter;
  readonly pools: readonly SubnetPool[];
  /** The lock that all daemons of this host share. */
  readonly lockPath: string;
  /** Name servers of the host, which no subnet may hide. */
  readonly nameservers: () => readonly string[];
  /** Subnets of networks that are known here, whether they stand or not. */
  readonly knownSubnets: (except: string) => readonly Subnet[];
}

/** Networks that are Linux bridges: containers on veth pairs, the host as their gateway, NAT to the outside. */
export class BridgeDriver implements NetworkDriver {
  readonly name = "bridge";
  readonly #options: BridgeDriverOptions;

  constructor(options: BridgeDriverOptions) {
    this.#options = options;
  }

  async open(network: NetworkRecord): Promise<NetworkRecord> {
    const { host, filter, lockPath } = this.#options;
    const settings = bridgeSettings(network);
    const standing = await withSubnetLock(lockPath, () => {
      const complete = this.#complete(network, settings.bridge);
      const addresses = gateways(complete).filter(
        ({ address }) => settings.gatewayModes[address.family] !== "isolated",
      );
      const foreign = network.foreignBridge === true;
      ensureBridge(host, { name: settings.bridge, mtu: settings.mtu, addresses, foreign });
      return complete;
    });
    await filter.addNetwork({
      bridge: settings.bridge,
      subnets: standing.ipam.map((config) => parseSubnet(config.subnet)),
      icc: settings.icc,
      internal: network.internal,
      masquerade: settings.masquerade,
      gatewayModes: settings.gatewayModes,
    });
    return standing;
  }

  async mend(network: NetworkRecord, endpoints: readonly EndpointRecord[]): Promise<boolean> {
    const { routes } = this.#options.host;
    const { bridge, icc } = bridgeSettings(network);
    const gone = routes.link(bridge) === undefined;
    // Containers have addresses of its subnets: it cannot be given others now.
    if (gone) await this.open({ ...network, automatic: false });
    const index = routes.link(bridge)?.index;
    const loose = endpoints.filter(({ hostInterface }) => {
      const link = routes.link(hostInterface);
      return link !== undefined && link.master !== index;
    });
    for (const { hostInterface, ports } of loose) {
      routes.setMaster(hostInterface, bridge);
      if (!icc) routes.setIsolated(hostInterface, true);
      if (ports.length > 0) routes.setHairpin(hostInterface, true);
    }
    if (!gone && loose.length === 0) return false;
    log.warn("somebody had deleted the bridge of a network; it is there again", {
      network: network.name,
      bridge,
    });
    return true;
  }

  async close(network: NetworkRecord): Promise<void> {
    const { bridge } = bridgeSettings(network);
    await this.#options.filter.removeNetwork(bridge);
    if (network.foreignBridge !== true) await deleteLink(this.#options.host, bridge);
  }

  join(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    namespace: NetworkNamespace,
    options: JoinOptions,
  ): void {
    const { routes } = this.#options.host;
    const settings = bridgeSettings(network);
    prepareNamespace(namespace, endpoint);
    routes.createVeth({
      name: endpoint.hostInterface,
      peerName: endpoint.interfaceName,
      peerNamespace: namespace,
      peerMac: endpoint.mac,
      bridge: settings.bridge,
      mtu: settings.mtu,
    });
    // Ports that cannot talk to one another: the kernel's own isolation, whatever the packet filter sees of a bridge.
    if (!settings.icc) routes.setIsolated(endpoint.hostInterface, true);
    if (endpoint.ports.length > 0) this.publishes(network, endpoint);
    namespace.routes.configure(endpoint.interfaceName, {
      addresses: interfaceAddresses(endpoint),
      routes: options.routes,
    });
    // The bridge hears by and by that the pair carries, and from its first port that it carries itself; what is sent
    // before is lost, and repeated a second later. Since Linux 6.8 the kernel catches up when a link is looked at.
    routes.link(endpoint.hostInterface);
    routes.link(settings.bridge);
  }

  defaultRoute(_network: NetworkRecord, endpoint: EndpointRecord, family: Family): RouteSpec | undefined {
    const gateway = family === 4 ? endpoint.gateway4 : endpoint.gateway6;
    return gateway === undefined ? undefined : { gateway };
  }

  /** With br_netfilter a container that calls its own published port is answered through the port it came by. */
  publishes(_network: NetworkRecord, endpoint: EndpointRecord): void {
    this.#options.host.routes.setHairpin(endpoint.hostInterface, true);
  }

  leave(_network: NetworkRecord, endpoint: EndpointRecord): Promise<void> {
    return deleteLink(this.#options.host, endpoint.hostInterface);
  }

  /** Fills in what was left open, from what stands or from the pools. */
  #complete(network: NetworkRecord, bridge: string): NetworkRecord {
    const { host } = this.#options;
    const stands = bridgeAddresses(host, bridge);
    const used = [
      ...subnetsInUse(host, this.#options.nameservers(), new Set([bridge])),
      ...this.#options.knownSubnets(network.id),
    ];
    let ipam = stands.length === 0 ? this.#stillFree(network, used) : network.ipam;
    if (network.automatic === true) ipam = adopted({ ...network, ipam }, stands);
    for (const family of familiesOf(network)) {
      if (ipam.some((config) => parseSubnet(config.subnet).family === family)) continue;
      ipam = [...ipam, { subnet: formatSubnet(chooseSubnet(this.#options.pools, used, family)) }];
    }
    return { ...network, ipam: ipam.map(withGateway) };
  }

  /**
   * A subnet that was asked for is the user's business: a network behind a wide route of the host's may be meant to be
   * nearer. One that was chosen last time is dropped where somebody else uses it now.
   */
  #stillFree(network: NetworkRecord, used: readonly Subnet[]): readonly IpamConfig[] {
    if (network.automatic !== true) return network.ipam;
    return network.ipam.filter((config) => {
      const other = overlapping(parseSubnet(config.subnet), used);
      if (other === undefined) return true;
      log.info("the subnet of a network is used by somebody else; choosing another", {
        network: network.name,
        subnet: config.subnet,
        by: formatSubnet(other),
      });
      return false;
    });
  }
}

function familiesOf(network: NetworkRecord): Family[] {
  return [...(network.ipv4 ? ([4] as const) : []), ...(network.ipv6 ? ([6] as const) : [])];
}

/**
 * A bridge that stands tells the truth about its subnets: it is the user's, or that of an earlier daemon, and containers
 * may be running there. Only `fixed-cidr` can say that it shall be another one.
 */
function adopted(network: NetworkRecord, stands: readonly InterfaceAddress[]): readonly IpamConfig[] {
  return familiesOf(network).flatMap((family) => {
    const known = network.ipam.filter((config) => parseSubnet(config.subnet).family === family);
    const range = known[0]?.ipRange;
    const own = stands.filter(({ subnet }) => subnet.family === family);
    const fits = range === undefined ? own : own.filter(({ subnet }) => within(parseSubnet(range), subnet));
    const [stand] = fits;
    if (stand === undefined) return known;
    return [{ ...known[0], subnet: formatSubnet(stand.subnet), gateway: formatAddress(stand.address) }];
  });
}

const within = (inner: Subnet, outer: Subnet) => inner.bits >= outer.bits && overlaps(inner, outer);

function gateways(network: NetworkRecord): InterfaceAddress[] {
  return network.ipam.flatMap((config) =>
    config.gateway === undefined
      ? []
      : [{ address: parseAddress(config.gateway), subnet: parseSubnet(config.subnet) }],
  );
}

/**
 * Settings that an interface inherits when it is born. Without an IPv6 address of ours the kernel must not make one
 * up (CVE-2024-32473), and what a router on the wire says is never believed (CVE-2020-13401).
 */
function prepareNamespace(namespace: NetworkNamespace, endpoint: EndpointRecord): void {
  inNetworkNamespace(namespace, () => {
    writeSysctl("ipv6/conf/default/disable_ipv6", endpoint.ipv6 === undefined ? "1" : "0");
    writeSysctl("ipv6/conf/default/accept_ra", "0");
    if (endpoint.ipv6 !== undefined) writeSysctl("ipv6/conf/default/accept_dad", "0");
    // A hardware address of the user's does not follow from the IP address: neighbours may remember another one.
    if (endpoint.asked.mac !== undefined) writeSysctl("ipv4/conf/default/arp_notify", "1");
  });
}
