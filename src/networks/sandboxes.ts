import { conflict, type EmitEvent, EngineError, kindOf, log, messageOf, newId } from "../lib/index.ts";
import {
  createNetworkNamespace,
  inNetworkNamespace,
  type NetworkNamespace,
  openNetworkNamespace,
} from "../linux/index.ts";
import type { EndpointSettings, NetworkingConfig, NetworkSettings, PortMap } from "../wire/index.ts";
import { formatAddress } from "./cidr.ts";
import {
  type FilesContext,
  linksEnvironment,
  namesFile,
  namesUpstream,
  ownFiles,
  sharedFiles,
} from "./container-files.ts";
import { Resolver } from "./dns/resolver.ts";
import { DNS_ADDRESS, serveNames } from "./dns/server.ts";
import { NameServers } from "./dns/upstream.ts";
import type { NetworkDriver } from "./driver.ts";
import {
  defaultHostAddress,
  type EndpointOwner,
  inOrder,
  isPassive,
  newEndpoint,
  nextInterface,
  ownerOf,
  type Plan,
  passiveEndpoint,
  portRecord,
  publicationsOf,
  publishedPort,
  wishesOf,
} from "./endpoints.ts";
import { hostsLines } from "./files/hosts.ts";
import { type Link, type LinkTarget, parseLink } from "./files/links.ts";
import type { PacketFilter } from "./filter/packet-filter.ts";
import { startIn } from "./host.ts";
import type { LiveNetwork } from "./network.ts";
import type { HostPorts } from "./ports/host-ports.ts";
import { exposedPorts, portKey, readPortRequests } from "./ports/requests.ts";
import type { SocketHost } from "./ports/sockets.ts";
import type { EndpointRecord, NetworkStore, PortRecord } from "./records.ts";
import { networkSettings } from "./settings.ts";

/** What a container asks of its network. */
export interface AttachRequest extends EndpointOwner {
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

/** A container's place on a network. */
interface Place {
  readonly network: LiveNetwork;
  readonly endpoint: EndpointRecord;
}

/** What is known of a container's network while it runs. */
interface Sandbox {
  readonly id: string;
  readonly exposedPorts: readonly string[];
  readonly request: AttachRequest;
  /** The one that has the default route first. */
  places: readonly Place[];
  /** Answers its questions, while it is on a user-defined network. */
  names?: Disposable;
}

/** A container that runs when the daemon starts. */
export interface LiveRequest extends AttachRequest {
  /** A process in its namespace. */
  readonly pid?: number;
}

/** What connecting a running container changes for its files. */
export interface Joined {
  /** Lines to add to /etc/hosts. */
  readonly hosts: string;
  /** The new /etc/resolv.conf, where names are answered by the engine from now on. */
  readonly resolvConf?: string;
}

export interface SandboxesOptions {
  readonly store: NetworkStore;
  readonly emit: EmitEvent;
  readonly filter: PacketFilter;
  readonly hostPorts: HostPorts;
  readonly host: SocketHost;
  readonly driver: (name: string) => NetworkDriver;
  /** @throws NotFound */
  readonly find: (nameOrId: string) => LiveNetwork;
  readonly files: () => FilesContext;
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

  /** The daemon ends: its sockets in the containers' namespaces close, everything else goes on. */
  close(): void {
    for (const { names } of this.#sandboxes.values()) names?.[Symbol.dispose]();
  }

  /** What `inspect` shows; undefined where the container is on no network now. */
  settings(containerId: string): NetworkSettings | undefined {
    const sandbox = this.#sandboxes.get(containerId);
    if (sandbox === undefined) return undefined;
    const endpoints = sandbox.places.map(({ network, endpoint }) => ({ network: network.record, endpoint }));
    return networkSettings({ id: sandbox.id, endpoints, exposedPorts: sandbox.exposedPorts });
  }

  /**
   * Gives a container its network, ready before its first process runs. Where it fails nothing is left.
   * @throws System `driver failed programming external connectivity on endpoint …` where a port is taken
   */
  async attach(request: AttachRequest): Promise<NetworkSandbox> {
    await this.release(request.containerId);
    const plans = inOrder(this.#plan(request));
    const links = this.#links(request);
    await using undo = new AsyncDisposableStack();
    const shared = plans.some(({ network }) => network.record.driver === "host");
    const namespace = shared ? undefined : undo.use(createNetworkNamespace());
    const sandbox = newSandbox(
      request,
      newId(),
      plans.every(({ network }) => isPassive(network)),
    );
    for (const plan of plans) {
      const place = await this.#occupy(request, sandbox, plan, namespace, undo);
      sandbox.places = [...sandbox.places, place];
    }
    this.#sandboxes.set(request.containerId, sandbox);
    undo.defer(() => {
      this.#sandboxes.delete(request.containerId);
    });
    if (namespace !== undefined && (await this.#serveNames(sandbox, namespace))) {
      undo.defer(() => sandbox.names?.[Symbol.dispose]());
    }
    const files = this.#files(sandbox, links, shared);
    undo.move();
    for (const place of sandbox.places) this.#tell("connect", place);
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
    sandbox.names?.[Symbol.dispose]();
    for (const place of sandbox.places) await this.#vacate(place);
    for (const place of sandbox.places) this.#tell("disconnect", place);
  }

  /**
   * Joins a running container to one more network.
   * @param pid a process in the container's namespace
   * @throws Forbidden `endpoint with name x already exists in network y` where it is there already
   */
  async connect(
    request: AttachRequest,
    network: LiveNetwork,
    settings: EndpointSettings,
    pid: number,
  ): Promise<Joined> {
    const sandbox = this.#sandboxes.get(request.containerId);
    if (sandbox === undefined) throw conflict(`container ${request.containerId} is not running`);
    if (sandbox.places.some((place) => place.network === network)) {
      throw new EngineError(
        "Forbidden",
        `endpoint with name ${request.name} already exists in network ${network.record.name}`,
      );
    }
    await using undo = new AsyncDisposableStack();
    using namespace = openNetworkNamespace(`/proc/${pid}/ns/net`);
    const place = await this.#occupy(
      request,
      sandbox,
      { network, wishes: wishesOf(settings) },
      namespace,
      undo,
    );
    sandbox.places = [...sandbox.places, place];
    undo.defer(() => {
      sandbox.places = sandbox.places.filter((one) => one !== place);
    });
    const fresh = await this.#serveNames(sandbox, namespace);
    undo.move();
    this.#tell("connect", place);
    const hosts = hostsLines(sandbox.request, addressesOf(place.endpoint));
    const context = this.#options.files();
    return fresh ? { hosts, resolvConf: namesFile(sandbox.request, context, DNS_ADDRESS) } : { hosts };
  }

  /**
   * Takes a running container off a network. Nothing happens where it is not on it.
   * @param pid a process in the container's namespace
   */
  async disconnect(containerId: string, network: LiveNetwork, pid: number): Promise<void> {
    const sandbox = this.#sandboxes.get(containerId);
    const place = sandbox?.places.find((one) => one.network === network);
    if (sandbox === undefined || place === undefined) return;
    sandbox.places = sandbox.places.filter((one) => one !== place);
    if (!isPassive(network)) {
      using namespace = openNetworkNamespace(`/proc/${pid}/ns/net`);
      await this.#options.driver(network.record.driver).leave(network.record, place.endpoint, namespace);
    }
    await this.#vacate(place);
    this.#tell("disconnect", place);
  }

  // ——— after a restart of the daemon ———

  /** What an earlier daemon has noted about containers that still run holds again; of all others it is forgotten. */
  async restore(live: readonly LiveRequest[]): Promise<void> {
    const { store } = this.#options;
    const byContainer = Map.groupBy(store.endpoints(), (endpoint) => endpoint.containerId);
    const living = new Set(live.map((request) => request.containerId));
    for (const [containerId, endpoints] of byContainer) {
      if (!living.has(containerId)) for (const endpoint of endpoints) store.removeEndpoint(endpoint.id);
    }
    for (const request of live) await this.#restoreOne(request, byContainer.get(request.containerId) ?? []);
  }

  async #restoreOne(request: LiveRequest, endpoints: readonly EndpointRecord[]): Promise<void> {
    const known = endpoints.length > 0 ? endpoints : this.#passiveEndpoints(request);
    const sandbox = newSandbox(request, known[0]?.sandboxId ?? newId(), endpoints.length === 0);
    for (const endpoint of known) {
      try {
        const place = { network: this.#options.find(endpoint.networkId), endpoint };
        await this.#readopt(place);
        sandbox.places = [...sandbox.places, place];
      } catch (error) {
        log.error("a running container's endpoint cannot be restored", {
          container: request.containerId,
          reason: messageOf(error),
        });
      }
    }
    this.#sandboxes.set(request.containerId, sandbox);
    if (request.pid === undefined || !needsNames(sandbox)) return;
    try {
      using namespace = openNetworkNamespace(`/proc/${request.pid}/ns/net`);
      await this.#serveNames(sandbox, namespace);
    } catch (error) {
      log.error("a running container cannot look up names", {
        container: request.containerId,
        reason: messageOf(error),
      });
    }
  }

  async #readopt({ network, endpoint }: Place): Promise<void> {
    network.adopt(endpoint);
    const lost = await this.#options.hostPorts.restore(endpoint.ports.map(publishedPort), ownerOf(endpoint));
    for (const port of lost) {
      log.warn("another program has taken a published port of a running container", {
        container: endpoint.containerId,
        port: `${formatAddress(port.hostAddress)}:${port.hostPort}`,
      });
    }
    await this.#options.filter.publish(publicationsOf(endpoint));
  }

  /** `host` and `none` leave nothing in the store: what they were follows from the container's configuration. */
  #passiveEndpoints(request: AttachRequest): EndpointRecord[] {
    try {
      const plans = this.#plan(request).filter((plan) => isPassive(plan.network));
      const sandboxId = newId();
      return plans.map((plan) => passiveEndpoint(request, plan, sandboxId));
    } catch {
      return [];
    }
  }

  // ——— taking places ———

  /** Which networks, and what the user wants there. */
  #plan(request: AttachRequest): Plan[] {
    const { find } = this.#options;
    const main = find(request.networkMode);
    const mac = request.macAddress;
    const plans = new Map<LiveNetwork, Plan>();
    plans.set(main, { network: main, wishes: mac === undefined || mac === "" ? {} : { mac } });
    for (const [name, settings] of Object.entries(request.networking.EndpointsConfig ?? {})) {
      const network = name === request.networkMode || name === "" ? main : find(name);
      plans.set(network, { network, wishes: { ...plans.get(network)?.wishes, ...wishesOf(settings) } });
    }
    return [...plans.values()];
  }

  /** Takes a place, and makes the interface in the namespace. What is undone is on the stack. */
  async #occupy(
    request: AttachRequest,
    sandbox: Sandbox,
    plan: Plan,
    namespace: NetworkNamespace | undefined,
    undo: AsyncDisposableStack,
  ): Promise<Place> {
    const { network } = plan;
    if (isPassive(network) || namespace === undefined) {
      const endpoint = passiveEndpoint(request, plan, sandbox.id);
      network.adopt(endpoint);
      undo.defer(() => network.release(endpoint));
      return { network, endpoint };
    }
    const taken = new Set(sandbox.places.map((place) => place.endpoint.interfaceName));
    const interfaceName = nextInterface(network, taken);
    const bare = newEndpoint(request, plan, { sandboxId: sandbox.id, interfaceName });
    undo.defer(() => network.release(bare));
    const first = sandbox.places.length === 0;
    const ports = first ? await this.#reservePorts(request, network, bare, undo) : [];
    const endpoint: EndpointRecord = { ...bare, ports };
    network.place(endpoint);
    this.#options
      .driver(network.record.driver)
      .join(network.record, endpoint, namespace, { defaultRoute: first });
    await this.#publish(endpoint, undo);
    this.#options.store.saveEndpoint(endpoint);
    undo.defer(() => this.#options.store.removeEndpoint(endpoint.id));
    return { network, endpoint };
  }

  async #reservePorts(
    request: AttachRequest,
    network: LiveNetwork,
    endpoint: EndpointRecord,
    undo: AsyncDisposableStack,
  ): Promise<PortRecord[]> {
    if (network.record.internal || network.record.driver !== "bridge") return [];
    const requests = readPortRequests({ ...request, ...defaultHostAddress(network) });
    if (requests.length === 0) return [];
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

  async #publish(endpoint: EndpointRecord, undo: AsyncDisposableStack): Promise<void> {
    const publications = publicationsOf(endpoint);
    if (publications.length === 0) return;
    undo.defer(() => this.#options.filter.unpublish(publications));
    await this.#options.filter.publish(publications);
  }

  /** Gives back what a place has. */
  async #vacate({ network, endpoint }: Place): Promise<void> {
    const { store, filter, hostPorts } = this.#options;
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
    if (!isPassive(network)) store.removeEndpoint(endpoint.id);
  }

  // ——— names ———

  /** Answers the container's questions from now on. @returns whether it does, and did not before */
  async #serveNames(sandbox: Sandbox, namespace: NetworkNamespace): Promise<boolean> {
    if (sandbox.names !== undefined || !needsNames(sandbox)) return false;
    await using undo = new AsyncDisposableStack();
    const upstream = this.#upstream(sandbox, namespace, undo);
    const outside = () =>
      sandbox.places.some(({ network }) => !network.record.internal) ? upstream : undefined;
    undo.use(await serveNames(namespace, new Resolver(() => sandbox.places, outside)));
    const held = undo.move();
    sandbox.names = { [Symbol.dispose]: () => void held.disposeAsync() };
    return true;
  }

  /** Name servers of the user's are asked from where the container is, the host's from the host. */
  #upstream(sandbox: Sandbox, namespace: NetworkNamespace, undo: AsyncDisposableStack): NameServers {
    const { servers, fromHost } = namesUpstream(sandbox.request, this.#options.files());
    const addresses = servers.map((address) => ({ address }));
    if (fromHost) return new NameServers(addresses, this.#options.host);
    const inside = undo.use(openNetworkNamespace(namespace.path));
    return new NameServers(addresses, {
      run: (work) => inNetworkNamespace(inside, work),
      start: (begin) => startIn(inside, begin),
    });
  }

  // ——— what the container reads ———

  #links(request: AttachRequest): { link: Link; target: LinkTarget }[] {
    return request.links.map(({ text, target }) => ({
      link: parseLink(text),
      target: { ...target, address: this.#addresses(target.id)[0] ?? "" },
    }));
  }

  #addresses(containerId: string): string[] {
    const places = this.#sandboxes.get(containerId)?.places ?? [];
    return places.flatMap(({ endpoint }) => addressesOf(endpoint));
  }

  #files({ request, names }: Sandbox, links: readonly { link: Link; target: LinkTarget }[], shared: boolean) {
    const context = this.#options.files();
    if (shared) return sharedFiles(request, context);
    const nameserver = names === undefined ? undefined : DNS_ADDRESS;
    return ownFiles(request, this.#addresses(request.containerId), links, context, nameserver);
  }

  #tell(action: "connect" | "disconnect", { network, endpoint }: Place): void {
    this.#options.emit({
      type: "network",
      action,
      actorId: network.record.id,
      attributes: {
        container: endpoint.containerId,
        name: network.record.name,
        type: network.record.driver,
      },
    });
  }
}

/** On `host` and `none` nothing is exposed to anybody. */
function newSandbox(request: AttachRequest, id: string, passive: boolean): Sandbox {
  return { id, request, exposedPorts: passive ? [] : exposedPorts(request).map(portKey), places: [] };
}

/** On the default bridge containers know one another by links only, as in Docker. */
function needsNames(sandbox: Sandbox): boolean {
  return sandbox.places.some(({ network }) => network.record.predefined !== true);
}

function addressesOf(endpoint: EndpointRecord): string[] {
  return [endpoint.ipv4, endpoint.ipv6]
    .filter((cidr) => cidr !== undefined)
    .map((cidr) => cidr.slice(0, cidr.indexOf("/")));
}
