import { forbidden, invalidParameter, messageOf, notImplemented, systemError } from "../../lib/index.ts";
import {
  createNetworkNamespace,
  type IpvlanMode,
  inNetworkNamespace,
  type MacvlanMode,
  type NetworkNamespace,
  type RouteSpec,
} from "../../linux/index.ts";
import { type Family, formatSubnet, parseSubnet, type Subnet } from "../cidr.ts";
import type { JoinOptions, NetworkDriver } from "../driver.ts";
import { type NetworkHost, writeSysctl } from "../host.ts";
import { interfaceAddresses } from "../interface.ts";
import type { EndpointRecord, IpamConfig, NetworkRecord } from "../records.ts";
import { chooseSubnet, type SubnetPool, withGateway } from "../subnets.ts";

export interface ParentDriverOptions {
  readonly host: NetworkHost;
  readonly pools: readonly SubnetPool[];
  readonly knownSubnets: (except: string) => readonly Subnet[];
}

/** Values of `-o macvlan_mode` and `-o ipvlan_mode`; the first is the default. */
const MACVLAN_MODES: readonly MacvlanMode[] = ["bridge", "private", "vepa", "passthru"];
const IPVLAN_MODES: readonly IpvlanMode[] = ["l2", "l3", "l3s"];

/**
 * Networks whose containers sit on the wire of one of the host's interfaces (`-o parent=eth0`), beside the host: with
 * hardware addresses of their own (macvlan) or with the host's (ipvlan). The network around decides what they reach;
 * the host itself they do not.
 */
export class ParentDriver implements NetworkDriver {
  readonly name: "macvlan" | "ipvlan";
  readonly #options: ParentDriverOptions;

  constructor(name: "macvlan" | "ipvlan", options: ParentDriverOptions) {
    this.name = name;
    this.#options = options;
  }

  /** @throws InvalidParameter for a parent or mode that is not there, NotImplemented where the kernel lacks the driver */
  async open(network: NetworkRecord): Promise<NetworkRecord> {
    const parent = parentOf(network);
    this.#mode(network);
    const flag = network.options["ipvlan_flag"] ?? "";
    if (this.name === "ipvlan" && flag !== "" && flag !== "bridge") {
      throw notImplemented(
        `berth has no ipvlan flag ${JSON.stringify(flag)}: its containers reach one another`,
      );
    }
    this.#ensureParent(parent);
    this.#probe(network, parent);
    return { ...network, ipam: this.#complete(network).map(withGateway) };
  }

  async mend(): Promise<boolean> {
    return false;
  }

  /** The parent stays, also a VLAN that was made for it: others may have begun to use it. */
  async close(): Promise<void> {}

  join(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    namespace: NetworkNamespace,
    options: JoinOptions,
  ): void {
    prepare(namespace, endpoint);
    this.#create(network, endpoint, namespace);
    namespace.routes.configure(endpoint.interfaceName, {
      addresses: interfaceAddresses(endpoint),
      routes: options.routes,
    });
  }

  /** In its layer-3 modes ipvlan has no neighbours to send to: everything goes out by the interface. */
  defaultRoute(network: NetworkRecord, endpoint: EndpointRecord, family: Family): RouteSpec | undefined {
    const gateway = family === 4 ? endpoint.gateway4 : endpoint.gateway6;
    if (gateway === undefined) return undefined;
    if (this.name !== "ipvlan" || this.#mode(network) === "l2") return { gateway };
    return { destination: family === 6 ? "::/0" : "0.0.0.0/0", device: endpoint.interfaceName };
  }

  publishes(): void {}

  async leave(
    _network: NetworkRecord,
    endpoint: EndpointRecord,
    namespace?: NetworkNamespace,
  ): Promise<void> {
    if (namespace?.routes.link(endpoint.interfaceName) === undefined) return;
    namespace.routes.deleteLink(endpoint.interfaceName);
  }

  #create(network: NetworkRecord, endpoint: EndpointRecord, namespace: NetworkNamespace): void {
    const { routes } = this.#options.host;
    const link = { name: endpoint.interfaceName, parent: parentOf(network), namespace };
    const mode = this.#mode(network);
    ifKernelHas(this.name, () => {
      if (this.name === "macvlan") {
        routes.createMacvlan({ ...link, mac: endpoint.mac, mode: mode as MacvlanMode });
      } else {
        routes.createIpvlan({ ...link, mode: mode as IpvlanMode });
      }
    });
  }

  /** Better to hear now that the kernel cannot than when the first container starts. A passed-through parent has one user. */
  #probe(network: NetworkRecord, parent: string): void {
    const { routes } = this.#options.host;
    const mode = this.#mode(network);
    if (mode === "passthru") return;
    using namespace = createNetworkNamespace();
    const link = { name: "probe0", parent, namespace };
    ifKernelHas(this.name, () => {
      if (this.name === "macvlan") routes.createMacvlan({ ...link, mode: mode as MacvlanMode });
      else routes.createIpvlan({ ...link, mode: mode as IpvlanMode });
    });
  }

  #mode(network: NetworkRecord): MacvlanMode | IpvlanMode {
    const modes: readonly (MacvlanMode | IpvlanMode)[] =
      this.name === "macvlan" ? MACVLAN_MODES : IPVLAN_MODES;
    const asked = network.options[`${this.name}_mode`];
    const mode = asked === undefined || asked === "" ? modes[0]! : modes.find((one) => one === asked);
    if (mode === undefined) {
      throw invalidParameter(`requested ${this.name} mode ${JSON.stringify(asked)} is not valid`);
    }
    return mode;
  }

  /** `eth0.50` that is not there yet is made as VLAN 50 of eth0, as Docker does. */
  #ensureParent(parent: string): void {
    const { routes } = this.#options.host;
    if (routes.link(parent) !== undefined) return;
    const vlan = /^(.+)\.(\d{1,4})$/.exec(parent);
    const id = Number(vlan?.[2]);
    if (vlan === null || id < 1 || id > 4094 || routes.link(vlan[1]!) === undefined) {
      throw invalidParameter(
        `invalid parent interface ${JSON.stringify(parent)}: there is no such interface`,
      );
    }
    ifKernelHas("vlan", () => routes.createVlan({ name: parent, parent: vlan[1]!, id }));
    routes.setUp(parent);
  }

  #complete(network: NetworkRecord): readonly IpamConfig[] {
    let ipam = network.ipam;
    const families = [...(network.ipv4 ? [4 as const] : []), ...(network.ipv6 ? [6 as const] : [])];
    for (const family of families) {
      if (ipam.some((config) => parseSubnet(config.subnet).family === family)) continue;
      const used = this.#options.knownSubnets(network.id);
      ipam = [...ipam, { subnet: formatSubnet(chooseSubnet(this.#options.pools, used, family)) }];
    }
    return ipam;
  }
}

/** @throws NotImplemented where the kernel does not know the kind of link that the work makes, System where it fails */
function ifKernelHas(kind: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "EOPNOTSUPP" || code === "ENOTSUP")
      throw notImplemented(`this kernel has no ${kind} interfaces`);
    throw systemError(`failed to create the ${kind} interface: ${messageOf(error)}`, error);
  }
}

/** @throws Forbidden where there is none: an isolated network is what an internal bridge is for. */
function parentOf(network: NetworkRecord): string {
  const parent = network.options["parent"];
  if (parent === undefined || parent === "") {
    throw forbidden(`a ${network.driver} network needs an interface of the host: -o parent=eth0`);
  }
  return parent;
}

/** On a wire that is not ours too: no address that we did not give, no router that we did not name. */
function prepare(namespace: NetworkNamespace, endpoint: EndpointRecord): void {
  inNetworkNamespace(namespace, () => {
    writeSysctl("ipv6/conf/default/disable_ipv6", endpoint.ipv6 === undefined ? "1" : "0");
    writeSysctl("ipv6/conf/default/accept_ra", "0");
    // Addresses here are not followed by hardware addresses that neighbours could know.
    writeSysctl("ipv4/conf/default/arp_notify", "1");
  });
}
