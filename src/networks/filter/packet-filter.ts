import type { GatewayMode } from "../bridge/settings.ts";
import type { Family, IpAddress, Subnet } from "../cidr.ts";
import type { PublishedPort } from "../ports/requests.ts";
import type { HolderOf } from "./elsewhere.ts";

/**
 * What stands between a host's networks and its containers.
 *
 * Words: a *network* is a bridge and the subnets behind it; a *publication* leads a port of the host to a
 * container. The filter keeps both in memory as what is wanted, and makes the kernel agree: all of it in one
 * transaction when it opens or finds that somebody else has emptied it, and otherwise only what changed, once
 * for all changes of one turn of the event loop.
 *
 * Promises, whatever is in the filter:
 * - a container reaches the outside with the host's address, and answers come back;
 * - from outside its network only published ports of a container are reached, also by somebody who routes
 *   packets to its address directly; an internal network neither reaches nor is reached;
 * - a port published on a loopback address is reached from this host only;
 * - nothing is allowed that another firewall on this host forbids.
 */
export interface PacketFilter {
  /**
   * Makes the kernel's rules what is wanted; whoever connects meanwhile meets the old rules or the new.
   * @throws System where the kernel or the tool refuses
   */
  open(): Promise<void>;
  /**
   * Between these interfaces of the host nothing is forwarded: it was no router before the daemon needed it to forward.
   */
  keepApart(family: Family, interfaces: readonly string[]): Promise<void>;
  /** A bridge is guarded once this resolves. Adding one again replaces it. */
  addNetwork(network: FilteredNetwork): Promise<void>;
  removeNetwork(bridge: string): Promise<void>;
  /** Resolves when connections reach the container. */
  publish(publications: readonly Publication[]): Promise<void>;
  /** Forgets what was published; of what was not, nothing happens. */
  unpublish(publications: readonly Publication[]): Promise<void>;
  /** Who of this host's other daemons leads a port to a container of his, as things are now. */
  elsewhere(): HolderOf;
  /** Looks whether the rules are still there; puts them back and says so where they are not. */
  verify(): Promise<boolean>;
  /** `keep`: containers go on running without the daemon, and the rules stay. */
  close(options: { keep: boolean }): Promise<void>;
}

export interface FilteredNetwork {
  /** Name of the bridge: `berth0` */
  readonly bridge: string;
  readonly subnets: readonly Subnet[];
  /** Containers on this network reach one another. */
  readonly icc: boolean;
  /** No way out and no way in. */
  readonly internal: boolean;
  /** Packets that leave carry the host's address (`com.docker.network.bridge.enable_ip_masquerade`). */
  readonly masquerade: boolean;
  /** `nat` where it says nothing. */
  readonly gatewayModes?: Readonly<Record<Family, GatewayMode>>;
}

/** With host port 0 nothing is published on the host: the container's own port is open to whoever has a route to it. */
export interface Publication extends PublishedPort {
  /** The container's address, of the same family as `hostAddress`. */
  readonly address: IpAddress;
  /** The host's address on the container's network, which connections from 127.0.0.1 come from. */
  readonly gateway: IpAddress;
}
