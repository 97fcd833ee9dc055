import { type EmitEvent, EngineError, kindOf, log, messageOf, newId } from "../lib/index.ts";
import { createNetworkNamespace, type NetworkNamespace } from "../linux/index.ts";
import type { NetworkingConfig, NetworkSettings, PortMap } from "../wire/index.ts";
import { newHostInterface } from "./bridge/bridge-driver.ts";
import { bridgeSettings } from "./bridge/settings.ts";
import { formatAddress, type InterfaceAddress, parseAddress } from "./cidr.ts";
import { type FilesContext, linksEnvironment, ownFiles, sharedFiles } from "./container-files.ts";
import type { NetworkDriver } from "./driver.ts";
import { type Link, type LinkTarget, parseLink } from "./files/links.ts";
import type { PacketFilter, Publication } from "./filter/packet-filter.ts";
import { macOf, parseMac } from "./mac.ts";
import type { LiveNetwork } from "./network.ts";
import type { HostPorts, PortOwner } from "./ports/host-ports.ts";
import { exposedPorts, type PublishedPort, portKey, readPortRequests } from "./ports/requests.ts";
import type { EndpointRecord, EndpointWishes, NetworkStore, PortRecord } from "./records.ts";
import { addressOf, networkSettings } from "./settings.ts";

/** What a container asks of its network. */
export interface AttachRequest {
  readonly containerId: string;
  readonly name: string;
  readonly hostname: string;
  readonly domainname?: string;
  /** `bridge`, `default`, `none`, `host`, or a network's name or id. */
  readonly networkMode: string;
  readonly networking: NetworkingConfig;
  /** Keys are `80/tcp`. */
  readonly exposedPorts: readonly string[];
  readonly portBindings: PortMap;
  readonly publishAllPorts: boolean;
  readonly macAddress?: string;
  readonly links: readonly LinkRequest[];
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
}

/** `--link`: a running container, and how this one calls it. */
export interface LinkRequest {
  /** As the user wrote it: `redis:db`. */
  readonly text: string;
  readonly target: Omit<LinkTarget, "address">;
}

/** A namespace with its interfaces, addresses and published ports. */
export interface NetworkSandbox {
  /** Absent with `host`. Close it after the runtime has joined it. */
  readonly namespace?: NetworkNamespace;
  readonly settings: NetworkSettings;
  readonly hosts: string;
  readonly resolvConf: string;
  readonly environment?: readonly string[];
}

/** What is known of a container's network while it runs. */
interface Sandbox {
  readonly id: string;
  readonly containerId: string;
  readonly exposedPorts: readonly string[];
  /** The one that has the default route first. */
  readonly endpoints: readonly { readonly network: LiveNetwork; readonly endpoint: EndpointRecord }[];
}

export interface SandboxesOptions {
  readonly store: NetworkStore;
  readonly emit: EmitEvent;
  readonly filter: PacketFilter;
  readonly hostPorts: HostPorts;
  readonly driver: (name: string) => NetworkDriver;
  /** @throws NotFound */
  readonly find: (nameOrId: string) => LiveNetwork;
  readonly files: () => FilesContext;
}

/** One place on a network that is about to be taken. */
interface Plan {
  readonly network: LiveNetwork;
  readonly wishes: EndpointWishes;
}

/** The networks of running containers, from `attach` to `release`. */
export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #sandboxes = new Map<string, Sandbox>();

  constructor(options: SandboxesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#sandboxes.size;
  }

  /** What `inspect` shows; undefined where the container is on no network now. */
  settings(containerId: string): NetworkSettings | undefined {
    const sandbox = this.#sandboxes.get(containerId);
    if (sandbox === undefined) return undefined;
    const endpoints = sandbox.endpoints.map(({ network, endpoint }) => ({
      network: network.record,
      endpoint,
    }));
    return networkSettings({ id: sandbox.id, endpoints, exposedPorts: sandbox.exposedPorts });
  }

  /**
   * Gives a container its network, ready before its first process runs. Where it fails nothing is left.
   * @throws System `driver failed programming external connectivity on endpoint …` where a port is taken
   */
  async attach(request: AttachRequest): Promise<NetworkSandbox> {
    await this.release(request.containerId);
    const plans = this.#plan(request);
    const links = this.#links(request);
    await using undo = new AsyncDisposableStack();
    const shared = plans.some(({ network }) => network.record.driver === "host");
    const namespace = shared ? undefined : undo.use(createNetworkNamespace());
    const sandbox = await this.#occupy(request, plans, namespace, undo);
    this.#sandboxes.set(request.containerId, sandbox);
    undo.defer(() => {
      this.#sandboxes.delete(request.containerId);
    });
    const files = this.#files(request, sandbox, links, shared);
    undo.move();
    this.#tell("connect", sandbox);
    return {
      ...(namespace === undefined ? {} : { namespace }),
      settings: this.settings(request.containerId)!,
      ...files,
      environment: linksEnvironment(links, request.name),
    };
  }

  /** Gives addresses and ports back. The interfaces go with the namespace, whose last process has ended. Idempotent. */
  async release(containerId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(containerId);
    if (sandbox === undefined) return;
    this.#sandboxes.delete(containerId);
    const { store, filter, hostPorts } = this.#options;
    for (const { network, endpoint } of sandbox.endpoints) {
      const ports = endpoint.ports.map(publishedPort);
      if (ports.length > 0) {
        // The port is nobody else's before the filter has forgotten where it led.
        await filter
          .unpublish(publicationsOf(endpoint))
          .catch((error: unknown) =>
            log.warn("cannot take a published port out of the packet filter", { reason: messageOf(error) }),
          );
        hostPorts.release(ports);
      }
      network.release(endpoint);
      if (endpoint.hostInterface !== "") store.removeEndpoint(endpoint.id);
    }
    this.#tell("disconnect", sandbox);
  }

  /** After a restart of the daemon: what an earlier one has noted about containers that still run holds again. */
  async restore(live: readonly AttachRequest[]): Promise<void> {
    const { store } = this.#options;
    const byContainer = Map.groupBy(store.endpoints(), (endpoint) => endpoint.containerId);
    const living = new Map(live.map((request) => [request.containerId, request]));
    for (const [containerId, endpoints] of byContainer) {
      if (!living.has(containerId)) for (const endpoint of endpoints) store.removeEndpoint(endpoint.id);
    }
    for (const request of live) await this.#restoreOne(request, byContainer.get(request.containerId) ?? []);
  }

  async #restoreOne(request: AttachRequest, endpoints: readonly EndpointRecord[]): Promise<void> {
    const { filter, hostPorts, find } = this.#options;
    const passive = endpoints.length === 0 ? this.#passive(request) : [];
    const places: { network: LiveNetwork; endpoint: EndpointRecord }[] = [];
    for (const endpoint of [...endpoints, ...passive]) {
      try {
        const network = find(endpoint.networkId);
        network.adopt(endpoint);
        places.push({ network, endpoint });
      } catch (error) {
        log.error("a running container's endpoint cannot be restored", {
          container: request.containerId,
          reason: messageOf(error),
        });
        continue;
      }
      const lost = await hostPorts.restore(endpoint.ports.map(publishedPort), ownerOf(endpoint));
      for (const port of lost) {
        log.warn("another program has taken a published port of a running container", {
          container: request.containerId,
          port: `${formatAddress(port.hostAddress)}:${port.hostPort}`,
        });
      }
      await filter.publish(publicationsOf(endpoint));
    }
    this.#sandboxes.set(request.containerId, {
      id: places[0]?.endpoint.sandboxId ?? newId(),
      containerId: request.containerId,
      exposedPorts: exposedPorts(request).map(portKey),
      endpoints: places,
    });
  }

  /** `host` and `none` leave nothing in the store: what they were follows from the container's configuration. */
  #passive(request: AttachRequest): EndpointRecord[] {
    try {
      const [plan] = this.#plan(request);
      if (plan === undefined || !isPassive(plan.network)) return [];
      return [passiveEndpoint(request, plan, newId())];
    } catch {
      return [];
    }
  }

  // ——— attaching ———

  /** Which networks, and what the user wants there. The one that the mode names comes first. */
  #plan(request: AttachRequest): Plan[] {
    const { find } = this.#options;
    const asked = request.networking.EndpointsConfig ?? {};
    const main = find(request.networkMode);
    const plans = new Map<string, Plan>();
    plans.set(main.record.id, {
      network: main,
      wishes: request.macAddress === undefined ? {} : { mac: request.macAddress },
    });
    for (const [name, settings] of Object.entries(asked)) {
      const network = name === request.networkMode ? main : find(name);
      const before = plans.get(network.record.id)?.wishes ?? {};
      plans.set(network.record.id, { network, wishes: { ...before, ...wishesOf(settings) } });
    }
    return [...plans.values()];
  }

  /** Takes the places, and makes the interfaces in the namespace. */
  async #occupy(
    request: AttachRequest,
    plans: readonly Plan[],
    namespace: NetworkNamespace | undefined,
    undo: AsyncDisposableStack,
  ): Promise<Sandbox> {
    const sandboxId = newId();
    const endpoints: { network: LiveNetwork; endpoint: EndpointRecord }[] = [];
    for (const [index, plan] of plans.entries()) {
      const { network } = plan;
      if (isPassive(network) || namespace === undefined) {
        const endpoint = passiveEndpoint(request, plan, sandboxId);
        network.adopt(endpoint);
        undo.defer(() => network.release(endpoint));
        endpoints.push({ network, endpoint });
        continue;
      }
      const endpoint = await this.#join(request, plan, { sandboxId, index, namespace }, undo);
      endpoints.push({ network, endpoint });
    }
    return {
      id: sandboxId,
      containerId: request.containerId,
      exposedPorts: exposedPorts(request).map(portKey),
      endpoints,
    };
  }

  async #join(
    request: AttachRequest,
    plan: Plan,
    place: { sandboxId: string; index: number; namespace: NetworkNamespace },
    undo: AsyncDisposableStack,
  ): Promise<EndpointRecord> {
    const { network } = plan;
    const { store } = this.#options;
    const main = place.index === 0;
    const bare = newEndpoint(request, plan, place);
    undo.defer(() => network.release(bare));
    const ports = main ? await this.#reservePorts(request, network, bare, undo) : [];
    const endpoint: EndpointRecord = { ...bare, ports };
    network.endpoints.set(request.containerId, endpoint);
    this.#options
      .driver(network.record.driver)
      .join(network.record, endpoint, place.namespace, { defaultRoute: main });
    const publications = publicationsOf(endpoint);
    if (publications.length > 0) {
      undo.defer(() => this.#options.filter.unpublish(publications));
      await this.#options.filter.publish(publications);
    }
    store.saveEndpoint(endpoint);
    undo.defer(() => store.removeEndpoint(endpoint.id));
    return endpoint;
  }

  async #reservePorts(
    request: AttachRequest,
    network: LiveNetwork,
    endpoint: EndpointRecord,
    undo: AsyncDisposableStack,
  ): Promise<PortRecord[]> {
    const requests = readPortRequests({ ...request, ...defaultHostAddress(network) });
    if (requests.length === 0 || network.record.internal) return [];
    try {
      const ports = await this.#options.hostPorts.reserve(requests, ownerOf(endpoint));
      undo.defer(() => this.#options.hostPorts.release(ports));
      return ports.map(portRecord);
    } catch (error) {
      throw new EngineError(
        kindOf(error),
        `driver failed programming external connectivity on endpoint ${request.name} (${endpoint.id}): ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  // ——— what the container reads ———

  #links(request: AttachRequest): { link: Link; target: LinkTarget }[] {
    return request.links.map(({ text, target }) => {
      const addresses = this.#addresses(target.id);
      return { link: parseLink(text), target: { ...target, address: addresses[0] ?? "" } };
    });
  }

  #addresses(containerId: string): string[] {
    const endpoints = this.#sandboxes.get(containerId)?.endpoints ?? [];
    return endpoints.flatMap(({ endpoint }) =>
      [endpoint.ipv4, endpoint.ipv6]
        .filter((cidr) => cidr !== undefined)
        .map((cidr) => cidr.slice(0, cidr.indexOf("/"))),
    );
  }

  #files(
    request: AttachRequest,
    sandbox: Sandbox,
    links: readonly { link: Link; target: LinkTarget }[],
    shared: boolean,
  ) {
    const context = this.#options.files();
    return shared
      ? sharedFiles(request, context)
      : ownFiles(request, this.#addresses(sandbox.containerId), links, context);
  }

  #tell(action: "connect" | "disconnect", sandbox: Sandbox): void {
    for (const { network } of sandbox.endpoints) {
      this.#options.emit({
        type: "network",
        action,
        actorId: network.record.id,
        attributes: {
          container: sandbox.containerId,
          name: network.record.name,
          type: network.record.driver,
        },
      });
    }
  }
}

/** `host` and `none`: a name without anything behind it. */
function isPassive(network: LiveNetwork): boolean {
  return network.record.driver === "host" || network.record.driver === "null";
}

function passiveEndpoint(request: AttachRequest, plan: Plan, sandboxId: string): EndpointRecord {
  return {
    id: newId(),
    networkId: plan.network.record.id,
    containerId: request.containerId,
    sandboxId,
    containerName: request.name,
    interfaceName: "",
    hostInterface: "",
    mac: "",
    ports: [],
    dnsNames: [],
    asked: plan.wishes,
  };
}

/** Takes addresses; the caller gives them back with the endpoint. */
function newEndpoint(
  request: AttachRequest,
  plan: Plan,
  place: { sandboxId: string; index: number },
): EndpointRecord {
  const { network, wishes } = plan;
  const mac = wishes.mac === undefined ? undefined : parseMac(wishes.mac);
  const ipv4 = network.allocate(4, askedAddress(wishes.ipam?.IPv4Address));
  try {
    const ipv6 = network.allocate(6, askedAddress(wishes.ipam?.IPv6Address));
    const gateway4 = ipv4 === undefined ? undefined : network.gatewayOf(ipv4.address);
    const gateway6 = ipv6 === undefined ? undefined : network.gatewayOf(ipv6.address);
    return {
      id: newId(),
      networkId: network.record.id,
      containerId: request.containerId,
      sandboxId: place.sandboxId,
      containerName: request.name,
      interfaceName: `${bridgeSettings(network.record).interfacePrefix}${place.index}`,
      hostInterface: newHostInterface(),
      mac: mac ?? macOf((ipv4 ?? ipv6)!.address),
      ...(ipv4 === undefined ? {} : { ipv4: cidrOf(ipv4) }),
      ...(ipv6 === undefined ? {} : { ipv6: cidrOf(ipv6) }),
      ...(gateway4 === undefined || network.record.internal ? {} : { gateway4 }),
      ...(gateway6 === undefined || network.record.internal ? {} : { gateway6 }),
      ports: [],
      dnsNames: [],
      asked: wishes,
    };
  } catch (error) {
    if (ipv4 !== undefined) network.release({ containerId: "", ipv4: cidrOf(ipv4) });
    throw error;
  }
}

const cidrOf = ({ address, subnet }: InterfaceAddress) => `${formatAddress(address)}/${subnet.bits}`;

const askedAddress = (text: string | undefined) =>
  text === undefined || text === "" ? undefined : parseAddress(text);

function wishesOf(settings: NonNullable<NetworkingConfig["EndpointsConfig"]>[string]): EndpointWishes {
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

/** Where the network's ports go that name no address; 0.0.0.0 is what everybody gets anyway. */
function defaultHostAddress(network: LiveNetwork) {
  const { hostBinding } = bridgeSettings(network.record);
  return hostBinding === undefined || hostBinding === "0.0.0.0"
    ? {}
    : { defaultHostAddress: parseAddress(hostBinding) };
}

function ownerOf(endpoint: EndpointRecord): PortOwner {
  const ipv4 = addressOf(endpoint.ipv4);
  const ipv6 = addressOf(endpoint.ipv6);
  return {
    containerId: endpoint.containerId,
    name: endpoint.containerName,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
}

const portRecord = (port: PublishedPort): PortRecord => ({
  containerPort: port.container.port,
  protocol: port.container.protocol,
  hostAddress: formatAddress(port.hostAddress),
  hostPort: port.hostPort,
});

const publishedPort = (record: PortRecord): PublishedPort => ({
  container: { port: record.containerPort, protocol: record.protocol },
  hostAddress: parseAddress(record.hostAddress),
  hostPort: record.hostPort,
});

/** What the packet filter leads to the container: ports of a family in which it has an address. */
function publicationsOf(endpoint: EndpointRecord): Publication[] {
  return endpoint.ports.flatMap((record) => {
    const port = publishedPort(record);
    const v6 = port.hostAddress.family === 6;
    const address = addressOf(v6 ? endpoint.ipv6 : endpoint.ipv4);
    const gateway = v6 ? endpoint.gateway6 : endpoint.gateway4;
    if (address === undefined || gateway === undefined) return [];
    return [{ ...port, address, gateway: parseAddress(gateway) }];
  });
}
