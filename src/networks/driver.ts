import type { NetworkNamespace, RouteSpec } from "../linux/index.ts";
import type { Family } from "./cidr.ts";
import type { EndpointRecord, NetworkRecord } from "./records.ts";

/**
 * A way to connect containers with one another and the world.
 *
 * Words: a *network* is what people make and name; an *endpoint* is a container's place on it; the *namespace* is
 * where a container's interfaces are. The engine chooses subnets, addresses and names and keeps the records; a
 * driver makes the kernel agree with them.
 *
 * A network's life: `open` at each start of the daemon and when the network is made, `close` when it is removed. In
 * between endpoints `join` and `leave`. `open` finds what an earlier daemon left and adopts it: containers that run
 * notice nothing. An endpoint whose namespace ends needs no `leave` for its interface: the kernel takes it away.
 */
export interface NetworkDriver {
  /** `bridge`, `macvlan`, … */
  readonly name: string;
  /**
   * Completes what the user left open (subnets, gateways) and makes the host's side of the network stand.
   * @returns the network as it stands
   * @throws Unavailable where no subnet is free, System where the kernel refuses
   */
  open(network: NetworkRecord): Promise<NetworkRecord>;
  /**
   * Makes again what somebody else has taken away of the host's side, with those endpoints on it.
   * @returns whether anything was missing
   */
  mend(network: NetworkRecord, endpoints: readonly EndpointRecord[]): Promise<boolean>;
  /** Takes the host's side away; endpoints are gone by then. Idempotent. */
  close(network: NetworkRecord): Promise<void>;
  /**
   * Puts the endpoint's interface into the namespace, with addresses and routes. Synchronous: some netlink messages.
   * What it made goes with the namespace; nothing else is left where it throws.
   */
  join(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    namespace: NetworkNamespace,
    options: JoinOptions,
  ): void;
  /** How the container reaches everything that none of its networks is, if by this endpoint; undefined: not by it. */
  defaultRoute(network: NetworkRecord, endpoint: EndpointRecord, family: Family): RouteSpec | undefined;
  /** The endpoint has published ports, from now on. */
  publishes(network: NetworkRecord, endpoint: EndpointRecord): void;
  /**
   * Takes the interface of a running container away; resolves when it is gone.
   * @param namespace the container's, where the caller can reach it
   */
  leave(network: NetworkRecord, endpoint: EndpointRecord, namespace?: NetworkNamespace): Promise<void>;
}

export interface JoinOptions {
  /** Those of `defaultRoute` that shall be this container's. */
  readonly routes: readonly RouteSpec[];
}
