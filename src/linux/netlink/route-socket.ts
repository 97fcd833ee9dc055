import { ENODEV, isErrno, LinuxError } from "../errors.ts";
import { inNetworkNamespace, type NamespaceHandle } from "../namespaces/enter.ts";
import {
  type Address,
  type AddressOptions,
  addAddress,
  listAddresses,
  parseAddress,
  removeAddress,
} from "./address.ts";
import {
  changeBridgePort,
  changeLink,
  checkLinkName,
  deleteLink,
  type Link,
  type LinkSettings,
  linkMessage,
  newLink,
  parseLink,
  writeLinkHeader,
  writeSettings,
} from "./link.ts";
import { NetlinkMessage } from "./message.ts";
import { type NetlinkRequest, NetlinkSocket } from "./netlink-socket.ts";
import { addRoute, listRoutes, parseRoute, type Route, type RouteSpec, removeRoute } from "./route.ts";
import * as rt from "./rtnetlink.ts";

export interface VethOptions {
  readonly name: string;
  readonly peerName: string;
  /** The peer is born there: moving it later would cost 15 ms. */
  readonly peerNamespace: NamespaceHandle;
  /** Bridge of which the near end becomes a port. */
  readonly bridge?: string;
  readonly mac?: string;
  readonly peerMac?: string;
  /** Of both ends. */
  readonly mtu?: number;
  /** Whether the near end is up at once (default true). */
  readonly up?: boolean;
  /** Whether the peer is up at once (default false: `configure` it first). */
  readonly peerUp?: boolean;
}

/** A link that shares its parent's wire. */
export interface SubLinkOptions<Mode extends string> {
  readonly name: string;
  readonly parent: string;
  readonly mode: Mode;
  /** Where the link is born; the parent's own namespace where none is given. */
  readonly namespace?: NamespaceHandle;
  readonly mac?: string;
  readonly mtu?: number;
}

export type MacvlanMode = "private" | "vepa" | "bridge" | "passthru";
export type IpvlanMode = "l2" | "l3" | "l3s";

/** Everything that a container's interface needs, in the order in which it is applied. */
export interface LinkConfiguration {
  readonly mac?: string;
  readonly mtu?: number;
  /** Default true. */
  readonly up?: boolean;
  /** CIDRs. IPv6 addresses are usable at once: no duplicate detection, since berth itself gave them out. */
  readonly addresses?: readonly string[];
  /** `device` is this link where a route names none. */
  readonly routes?: readonly RouteSpec[];
}

const MACVLAN_MODES: Readonly<Record<MacvlanMode, number>> = { private: 1, vepa: 2, bridge: 4, passthru: 8 };
const IPVLAN_MODES: Readonly<Record<IpvlanMode, number>> = { l2: 0, l3: 1, l3s: 2 };

/**
 * The links, addresses and routes of one network namespace (rtnetlink(7)). All calls are synchronous and take some ten
 * microseconds; the kernel's refusals are `LinuxError`s with its own explanation. Links are named; where a name
 * is unknown the error is ENODEV.
 */
export class RouteSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Opens a socket of a namespace, or of the one that the thread is in. It stays that namespace's, and keeps it alive. */
  static open(namespace?: NamespaceHandle): RouteSocket {
    const open = () => new RouteSocket(new NetlinkSocket(rt.NETLINK_ROUTE));
    return namespace === undefined ? open() : inNetworkNamespace(namespace, open);
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ——— looking ———

  links(): Link[] {
    const build = () => {
      const message = new NetlinkMessage(rt.RTM_GETLINK, 0);
      writeLinkHeader(message, 0, undefined);
      return message;
    };
    return this.#socket.dump(build, "list links", parseLink);
  }

  /** One link by its name; undefined where there is none. */
  link(name: string): Link | undefined {
    let found: Link | undefined;
    try {
      const message = linkMessage(rt.RTM_GETLINK, 0, name);
      this.#socket.ask({ message, subject: `link ${name}` }, (reply) => {
        found ??= parseLink(reply);
      });
    } catch (error) {
      if (!isErrno(error, ENODEV)) throw error;
    }
    return found;
  }

  addresses(): Address[] {
    return this.#socket.dump(listAddresses, "list addresses", parseAddress);
  }

  /** Unicast routes of all tables. */
  routes(): Route[] {
    return this.#socket.dump(listRoutes, "list routes", parseRoute);
  }

  // ——— making links; EEXIST where the name is taken ———

  createBridge(name: string, settings: LinkSettings = {}): void {
    this.#run(newLink("bridge", name, settings));
  }

  createDummy(name: string, settings: LinkSettings = {}): void {
    this.#run(newLink("dummy", name, settings));
  }

  /** Makes both ends of a virtual cable with all their settings, in one message. */
  createVeth(options: VethOptions): void {
    const { name, peerName, mac, peerMac, mtu, up = true, peerUp } = options;
    const master = options.bridge === undefined ? undefined : this.#indexOf(options.bridge);
    const near = defined({ mac, mtu, up, master });
    const far = defined({ mac: peerMac, mtu });
    const writePeer = (peer: NetlinkMessage) => {
      writeLinkHeader(peer, 0, peerUp === true ? true : undefined);
      peer.attributeText(rt.IFLA_IFNAME, checkLinkName(peerName));
      writeSettings(peer, far).attributeU32(rt.IFLA_NET_NS_FD, options.peerNamespace.fd);
    };
    this.#run(newLink("veth", name, near, undefined, (data) => data.nested(rt.VETH_INFO_PEER, writePeer)));
  }

  createMacvlan(options: SubLinkOptions<MacvlanMode>): void {
    const mode = MACVLAN_MODES[options.mode];
    this.#createSubLink("macvlan", options, (data) => data.attributeU32(rt.IFLA_MACVLAN_MODE, mode));
  }

  createIpvlan(options: SubLinkOptions<IpvlanMode>): void {
    const mode = IPVLAN_MODES[options.mode];
    this.#createSubLink("ipvlan", options, (data) => data.attributeU16(rt.IFLA_IPVLAN_MODE, mode));
  }

  /** A tagged link on top of a parent: `eth0.42`. */
  createVlan(options: { name: string; parent: string; id: number }): void {
    this.#createSubLink("vlan", options, (data) => data.attributeU16(rt.IFLA_VLAN_ID, options.id));
  }

  // ——— changing links ———

  setUp(name: string): void {
    this.#run(changeLink(name, { up: true }));
  }

  setDown(name: string): void {
    this.#run(changeLink(name, { up: false }));
  }

  rename(name: string, newName: string): void {
    this.#run(changeLink(this.#indexOf(name), { rename: newName }));
  }

  /** Makes a link a port of a bridge, or of none. */
  setMaster(name: string, bridge: string | null): void {
    this.#run(changeLink(name, { master: bridge === null ? 0 : this.#indexOf(bridge) }));
  }

  setMtu(name: string, mtu: number): void {
    this.#run(changeLink(name, { mtu }));
  }

  setMac(name: string, mac: string): void {
    this.#run(changeLink(name, { mac }));
  }

  /** Whether a bridge sends a frame back out of the port that it came in by. */
  setHairpin(port: string, on: boolean): void {
    this.#run(changeBridgePort(this.#indexOf(port), rt.IFLA_BRPORT_MODE, on));
  }

  /** Whether a bridge keeps a port's frames from other isolated ports. */
  setIsolated(port: string, on: boolean): void {
    this.#run(changeBridgePort(this.#indexOf(port), rt.IFLA_BRPORT_ISOLATED, on));
  }

  /** A veth goes with its other end. ENODEV where there is no such link. Far cheaper: drop the peer's namespace. */
  deleteLink(name: string): void {
    this.#run(deleteLink(name));
  }

  // ——— addresses and routes ———

  addAddress(name: string, cidr: string, options?: AddressOptions): void {
    this.#run(addAddress(this.#indexOf(name), cidr, options));
  }

  removeAddress(name: string, cidr: string): void {
    this.#run(removeAddress(this.#indexOf(name), cidr));
  }

  addRoute(route: RouteSpec): void {
    this.#run(addRoute(route, this.#deviceOf(route)));
  }

  removeRoute(route: RouteSpec): void {
    this.#run(removeRoute(route, this.#deviceOf(route)));
  }

  /** Sets a link up with all its addresses and routes; the requests go to the kernel together. */
  configure(name: string, configuration: LinkConfiguration): void {
    const { mac, mtu, up = true, addresses = [], routes = [] } = configuration;
    const index = this.#indexOf(name);
    this.#run(
      changeLink(index, defined({ mac, mtu, up })),
      ...addresses.map((cidr) => addAddress(index, cidr, { noDad: cidr.includes(":") })),
      ...routes.map((route) => addRoute(route, this.#deviceOf(route) ?? index)),
    );
  }

  // ——— inside ———

  #run(...requests: NetlinkRequest[]): void {
    this.#socket.run(requests);
  }

  #deviceOf({ device }: RouteSpec): number | undefined {
    return device === undefined ? undefined : this.#indexOf(device);
  }

  #indexOf(name: string): number {
    const link = this.link(name);
    if (link === undefined) throw new LinuxError("netlink", ENODEV, `link ${name}`);
    return link.index;
  }

  #createSubLink(
    kind: string,
    options: Omit<SubLinkOptions<string>, "mode">,
    data: (message: NetlinkMessage) => void,
  ): void {
    const { name, mac, mtu, namespace } = options;
    const parent = this.#indexOf(options.parent);
    const extra = (message: NetlinkMessage) => {
      message.attributeU32(rt.IFLA_LINK, parent);
      if (namespace !== undefined) message.attributeU32(rt.IFLA_NET_NS_FD, namespace.fd);
    };
    this.#run(newLink(kind, name, defined({ mac, mtu }), extra, data));
  }
}

/** The settings that were given. */
function defined(settings: { [Key in keyof LinkSettings]: LinkSettings[Key] | undefined }): LinkSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
