import { EngineError, kindOf, log, messageOf } from "../lib/index.ts";
import type { NetworkDriver } from "./driver.ts";
import {
  defaultHostAddress,
  nattedFamilies,
  openPorts,
  ownerOf,
  portRecord,
  publicationsOf,
  publishedPort,
  routedFamilies,
} from "./endpoints.ts";
import type { PacketFilter } from "./filter/packet-filter.ts";
import { publishingPlace, type RouteOf } from "./gateways.ts";
import type { LiveNetwork } from "./network.ts";
import type { UdpConnections } from "./ports/connections.ts";
import type { HostPorts } from "./ports/host-ports.ts";
import { readPortRequests } from "./ports/requests.ts";
import type { EndpointRecord, PortRecord } from "./records.ts";
import type { AttachRequest, Place, Sandbox } from "./sandbox.ts";

export interface PublishingOptions {
  readonly filter: PacketFilter;
  readonly hostPorts: HostPorts;
  readonly connections: UdpConnections;
  readonly driver: (name: string) => NetworkDriver;
  readonly routeOf: RouteOf;
  /** A place's endpoint is otherwise from here on. */
  readonly change: (place: Place, endpoint: EndpointRecord) => void;
  /** The container still runs. */
  readonly isCurrent: (sandbox: Sandbox) => boolean;
}

/** The published ports of containers: taken from the host, led to a place of the container's, and given back. */
export class Publishing {
  readonly #options: PublishingOptions;

  constructor(options: PublishingOptions) {
    this.#options = options;
  }

  /** Reserves what the container wants to be published, and leads it to that place. */
  async publish(request: AttachRequest, place: Place | undefined, undo: AsyncDisposableStack): Promise<void> {
    if (place === undefined) return;
    const { network, endpoint } = place;
    const ports = await this.#reservePorts(request, network, endpoint, undo);
    if (ports.length === 0) return;
    this.#options.change(place, { ...endpoint, ports });
    undo.defer(() => {
      place.endpoint = { ...place.endpoint, ports: [] };
    });
    this.#options.driver(network.record.driver).publishes(network.record, place.endpoint);
    const publications = publicationsOf(network, place.endpoint);
    if (publications.length === 0) return;
    undo.defer(() => this.#options.filter.unpublish(publications));
    await this.#options.filter.publish(publications);
    this.#options.connections.forget(publications);
  }

  async #reservePorts(
    request: AttachRequest,
    network: LiveNetwork,
    endpoint: EndpointRecord,
    undo: AsyncDisposableStack,
  ): Promise<PortRecord[]> {
    const requests = readPortRequests({ ...request, ...defaultHostAddress(network) });
    if (requests.length === 0) return [];
    try {
      const routed = routedFamilies(network.record);
      const natted = nattedFamilies(endpoint, routed);
      const ports = await this.#options.hostPorts.reserve(requests, ownerOf(endpoint), natted);
      undo.defer(() => this.#options.hostPorts.release(ports));
      return [...ports, ...openPorts(requests, routed)].map(portRecord);
    } catch (error) {
      throw new EngineError(
        kindOf(error),
        `driver failed programming external connectivity on endpoint ${request.name} (${endpoint.id}): ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /**
   * Published ports follow the way out to another of the container's places; where there was none before they are
   * published now. The host's ports stay what they are.
   */
  async move(sandbox: Sandbox, places: readonly Place[], undo?: AsyncDisposableStack): Promise<void> {
    const from = sandbox.places.find(({ endpoint }) => endpoint.ports.length > 0);
    const to = publishingPlace(places, this.#options.routeOf);
    if (to === undefined || to === from) return;
    if (from !== undefined && meetsHostAlike(from, to)) {
      undo?.defer(() => (this.#options.isCurrent(sandbox) ? this.#handOver(to, from) : this.unpublish(to)));
      await this.#handOver(from, to);
      return;
    }
    await using failed = new AsyncDisposableStack();
    if (from !== undefined) {
      const { ports } = from.endpoint;
      await this.unpublish(from);
      this.#options.change(from, { ...from.endpoint, ports: [] });
      if (this.#options.isCurrent(sandbox)) failed.defer(() => this.#republish(sandbox, from, ports));
    }
    await this.publish(sandbox.request, to, failed);
    const done = failed.move();
    undo?.use(done);
  }

  /** After a move that came to nothing; where a port has gone to somebody else meanwhile, the container does without. */
  async #republish(sandbox: Sandbox, place: Place, ports: readonly PortRecord[]): Promise<void> {
    if (!this.#options.isCurrent(sandbox) || ports.length === 0) return;
    try {
      await using undo = new AsyncDisposableStack();
      await this.publish(sandbox.request, place, undo);
      undo.move();
    } catch (error) {
      log.error("a running container has lost its published ports", {
        container: sandbox.request.containerId,
        reason: messageOf(error),
      });
    }
  }

  async #handOver(from: Place, to: Place): Promise<void> {
    const { filter, hostPorts } = this.#options;
    const { ports } = from.endpoint;
    const before = publicationsOf(from.network, from.endpoint);
    this.#options.change(from, { ...from.endpoint, ports: [] });
    this.#options.change(to, { ...to.endpoint, ports });
    hostPorts.retarget(ports.map(publishedPort), ownerOf(to.endpoint));
    this.#options.driver(to.network.record.driver).publishes(to.network.record, to.endpoint);
    await Promise.all([filter.unpublish(before), filter.publish(publicationsOf(to.network, to.endpoint))]);
    this.#options.connections.forget(before);
  }

  /** Nobody is led to the place any more, and its ports are anybody's. */
  async unpublish({ network, endpoint }: Place): Promise<void> {
    const { filter, hostPorts } = this.#options;
    if (endpoint.ports.length === 0) return;
    // The port is nobody else's before the filter has forgotten where it led.
    await filter
      .unpublish(publicationsOf(network, endpoint))
      .catch((error: unknown) =>
        log.warn("cannot take a published port out of the packet filter", { reason: messageOf(error) }),
      );
    this.#options.connections.forget(endpoint.ports.map(publishedPort));
    hostPorts.release(endpoint.ports.map(publishedPort));
  }
}

/** Whether a host port means the same on both networks. */
function meetsHostAlike(one: Place, other: Place): boolean {
  const [a, b] = [one, other].map(({ network }) => routedFamilies(network.record).join());
  return a === b;
}
