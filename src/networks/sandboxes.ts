import {
  conflict,
  type EmitEvent,
  EngineError,
  invalidParameter,
  log,
  messageOf,
  newId,
} from "../lib/index.ts";
import {
  createNetworkNamespace,
  inNetworkNamespace,
  isAlive,
  type NetworkNamespace,
  openNetworkNamespace,
} from "../linux/index.ts";
import type { EndpointSettings, NetworkSettings } from "../wire/index.ts";
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
  inOrder,
  isPassive,
  newEndpoint,
  nextInterface,
  ownerOf,
  type Plan,
  passiveEndpoint,
  publicationsOf,
  publishedPort,
  renamed,
  wishesOf,
} from "./endpoints.ts";
import { hostsLines } from "./files/hosts.ts";
import { type Link, type LinkTarget, parseLink } from "./files/links.ts";
import type { PacketFilter } from "./filter/packet-filter.ts";
import { firstRoutes, moveRoutes, publishingPlace, type RouteOf } from "./gateways.ts";
import { startIn } from "./host.ts";
import { applySysctls } from "./interface.ts";
import type { LiveNetwork } from "./network.ts";
import type { UdpConnections } from "./ports/connections.ts";
import type { HostPorts } from "./ports/host-ports.ts";
import type { SocketHost } from "./ports/sockets.ts";
import { Publishing } from "./publishing.ts";
import type { EndpointRecord, NetworkStore } from "./records.ts";
import {
  type AttachRequest,
  addressesOf,
  type Joined,
  type LinkRequest,
  type LiveProcess,
  type LiveRequest,
  type NetworkSandbox,
  needsNames,
  newSandbox,
  ordered,
  type Place,
  type Sandbox,
} from "./sandbox.ts";
import { networkSettings } from "./settings.ts";

export interface SandboxesOptions {
  readonly store: NetworkStore;
  readonly emit: EmitEvent;
  readonly filter: PacketFilter;
  readonly hostPorts: HostPorts;
  readonly connections: UdpConnections;
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
  readonly #publishing: Publishing;

  constructor(options: SandboxesOptions) {
    this.#options = options;
    const { filter, hostPorts, connections, driver } = options;
    this.#publishing = new Publishing({
      filter,
      hostPorts,
      connections,
      driver,
      routeOf: this.#routeOf,
      change: (place, endpoint) => this.#change(place, endpoint),
      isCurrent: (sandbox) => this.#sandboxes.get(sandbox.request.containerId) === sandbox,
    });
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
    const plans = inOrder(this.#plan(request), ({ wishes }) => wishes);
    const links = this.#links(request.links);
    await using undo = new AsyncDisposableStack();
    const shared = plans.some(({ network }) => network.record.driver === "host");
    const namespace = shared ? undefined : undo.use(createNetworkNamespace());
    const sandbox = newSandbox(
      request,
      newId(),
      plans.every(({ network }) => isPassive(network)),
    );
    for (const plan of plans) {
      const place = this.#occupy(request, sandbox, plan, namespace, undo);
      sandbox.places = [...sandbox.places, place];
    }
    undo.defer(() => {
      for (const { endpoint } of sandbox.places) this.#options.store.removeEndpoint(endpoint.id);
    });
    await this.#publishing.publish(request, publishingPlace(sandbox.places, this.#routeOf), undo);
    for (const place of sandbox.places) this.#save(place);
    this.#sandboxes.set(request.containerId, sandbox);
    undo.defer(() => {
      this.#sandboxes.delete(request.containerId);
    });
    if (namespace !== undefined && (await this.#serveNames(sandbox, namespace, sandbox.places))) {
      undo.defer(() => sandbox.names?.[Symbol.dispose]());
    }
    const files = this.#files(sandbox, links, shared);
    undo.move();
    if (request.quiet !== true) for (const place of sandbox.places) this.#tell("connect", place);
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
    if (sandbox.request.quiet === true) return;
    for (const place of sandbox.places) this.#tell("disconnect", place);
  }

  /**
   * Joins a running container to one more network. Where it fails all is as before.
   * @throws Forbidden `endpoint with name x already exists in network y` where it is there already
   */
  async connect(
    request: AttachRequest,
    network: LiveNetwork,
    settings: EndpointSettings,
    process: LiveProcess,
  ): Promise<Joined> {
    const { containerId, name } = request;
    const sandbox = this.#running(containerId);
    if (sandbox.places.some((place) => place.network === network)) {
      throw new EngineError(
        "Forbidden",
        `endpoint with name ${name} already exists in network ${network.record.name}`,
      );
    }
    using namespace = enter(containerId, process);
    await using undo = new AsyncDisposableStack();
    const place = this.#occupy(request, sandbox, { network, wishes: wishesOf(settings) }, namespace, undo, {
      living: true,
    });
    undo.defer(() => this.#options.store.removeEndpoint(place.endpoint.id));
    const before = sandbox.places;
    const places = ordered([...before, place]);
    await this.#publishing.move(sandbox, places, undo);
    const fresh = await this.#serveNames(sandbox, namespace, places);
    // It may have ended meanwhile, and given everything else back.
    if (this.#sandboxes.get(containerId) !== sandbox) {
      if (fresh) sandbox.names?.[Symbol.dispose]();
      throw conflict(`container ${containerId} is not running`);
    }
    sandbox.places = places;
    moveRoutes(namespace, before, places, this.#routeOf);
    this.#save(place);
    undo.move();
    this.#tell("connect", place);
    const hosts = hostsLines(sandbox.request, addressesOf(place.endpoint));
    const context = this.#options.files();
    return fresh ? { hosts, resolvConf: namesFile(sandbox.request, context, DNS_ADDRESS) } : { hosts };
  }

  /**
   * Takes a running container off a network.
   * @throws System `container x is not connected to network y`
   */
  async disconnect(containerId: string, network: LiveNetwork, process: LiveProcess): Promise<Joined> {
    const sandbox = this.#running(containerId);
    const place = sandbox.places.find((one) => one.network === network);
    if (place === undefined) {
      throw new EngineError(
        "System",
        `container ${containerId} is not connected to network ${network.record.name}`,
      );
    }
    using namespace = enter(containerId, process);
    const before = sandbox.places;
    const places = before.filter((one) => one !== place);
    await this.#publishing.move(sandbox, places);
    // Who has ended meanwhile has left.
    if (this.#sandboxes.get(containerId) !== sandbox) return { hosts: "" };
    sandbox.places = places;
    moveRoutes(namespace, before, places, this.#routeOf);
    await this.#options.driver(network.record.driver).leave(network.record, place.endpoint, namespace);
    await this.#vacate(place);
    this.#tell("disconnect", place);
    return { hosts: hostsLines(sandbox.request, addressesOf(place.endpoint)) };
  }

  /** The container is called otherwise from now on, also by its neighbours. */
  rename(containerId: string, name: string): void {
    const sandbox = this.#sandboxes.get(containerId);
    if (sandbox === undefined) return;
    sandbox.request = { ...sandbox.request, name };
    for (const place of sandbox.places) {
      this.#change(place, renamed(place.endpoint, sandbox.request));
      this.#options.hostPorts.retarget(place.endpoint.ports.map(publishedPort), ownerOf(place.endpoint));
    }
  }

  #running(containerId: string): Sandbox {
    const sandbox = this.#sandboxes.get(containerId);
    if (sandbox === undefined) throw conflict(`container ${containerId} is not running`);
    return sandbox;
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
    sandbox.places = ordered(sandbox.places);
    this.#sandboxes.set(request.containerId, sandbox);
    if (request.pid === undefined || !needsNames(sandbox.places)) return;
    try {
      using namespace = openNetworkNamespace(`/proc/${request.pid}/ns/net`);
      await this.#serveNames(sandbox, namespace, sandbox.places);
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
    await this.#options.filter.publish(publicationsOf(network, endpoint));
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
    const mac = request.macAddress;
    const plans = new Map<LiveNetwork, Plan>();
    if (request.withoutMode !== true) {
      const network = find(request.networkMode);
      plans.set(network, { network, wishes: mac === undefined || mac === "" ? {} : { mac } });
    }
    for (const [name, settings] of Object.entries(request.networking.EndpointsConfig ?? {})) {
      const network = find(name === "" ? request.networkMode : name);
      plans.set(network, { network, wishes: { ...plans.get(network)?.wishes, ...wishesOf(settings) } });
    }
    refuseMixed([...plans.keys()]);
    return [...plans.values()];
  }

  /**
   * Takes a place, and makes the interface in the namespace. What is undone is on the stack.
   * @param options.living the namespace is one of a running container, and outlives a failure
   */
  #occupy(
    request: AttachRequest,
    sandbox: Sandbox,
    plan: Plan,
    namespace: NetworkNamespace | undefined,
    undo: AsyncDisposableStack,
    options: { living?: boolean } = {},
  ): Place {
    const { network } = plan;
    if (isPassive(network) || namespace === undefined) {
      const endpoint = passiveEndpoint(request, plan, sandbox.id);
      network.adopt(endpoint);
      undo.defer(() => network.release(endpoint));
      return { network, endpoint };
    }
    const taken = new Set(sandbox.places.map((place) => place.endpoint.interfaceName));
    const interfaceName = nextInterface(plan, taken);
    const endpoint = newEndpoint(request, plan, { sandboxId: sandbox.id, interfaceName });
    undo.defer(() => network.release(endpoint));
    network.place(endpoint);
    const driver = this.#options.driver(network.record.driver);
    if (options.living) undo.defer(() => driver.leave(network.record, endpoint, namespace));
    const place = { network, endpoint };
    const routes = options.living ? [] : firstRoutes(sandbox.places, place, this.#routeOf);
    driver.join(network.record, endpoint, namespace, { routes });
    applySysctls(namespace, endpoint);
    return place;
  }

  readonly #routeOf: RouteOf = ({ network, endpoint }, family) =>
    this.#options.driver(network.record.driver).defaultRoute(network.record, endpoint, family);

  #save({ network, endpoint }: Place): void {
    if (!isPassive(network)) this.#options.store.saveEndpoint(endpoint);
  }

  /** What is known of a place's endpoint is otherwise from here on. */
  #change(place: Place, endpoint: EndpointRecord): void {
    place.endpoint = endpoint;
    place.network.replace(endpoint);
    this.#save(place);
  }

  // ——— leaving places ———

  /** Gives back what a place has. */
  async #vacate(place: Place): Promise<void> {
    const { network, endpoint } = place;
    await this.#publishing.unpublish(place);
    network.release(endpoint);
    if (!isPassive(network)) this.#options.store.removeEndpoint(endpoint.id);
  }

  // ——— names ———

  /** Answers the container's questions from now on. @returns whether it does, and did not before */
  async #serveNames(
    sandbox: Sandbox,
    namespace: NetworkNamespace,
    places: readonly Place[],
  ): Promise<boolean> {
    if (sandbox.names !== undefined || !needsNames(places)) return false;
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

  /** The variables of links as their targets are now. */
  linkEnvironment(owner: string, links: readonly LinkRequest[]): string[] {
    return linksEnvironment(this.#links(links), owner);
  }

  #links(links: readonly LinkRequest[]): { link: Link; target: LinkTarget }[] {
    return links.map(({ text, target }) => ({
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

/** The host's network, or none, cannot be one of several. @throws InvalidParameter in Docker's words */
function refuseMixed(networks: readonly LiveNetwork[]): void {
  if (networks.length < 2) return;
  for (const { record } of networks) {
    if (record.driver === "host") throw invalidParameter(MIXED.host);
    if (record.driver === "null") throw invalidParameter(MIXED.null);
  }
}

const MIXED = {
  host: "container sharing network namespace with another container or host cannot be connected to any other network",
  null: "container cannot be connected to multiple networks with one of the networks in private (none) mode",
};

/**
 * The network namespace of a running container.
 * @throws Conflict where the process has ended; its number may be another's by now, who must not be touched
 */
function enter(containerId: string, { pid, startTime }: LiveProcess): NetworkNamespace {
  let namespace: NetworkNamespace | undefined;
  try {
    namespace = openNetworkNamespace(`/proc/${pid}/ns/net`);
  } catch {
    // Told below.
  }
  if (namespace !== undefined && isAlive(pid, startTime)) return namespace;
  namespace?.close();
  throw conflict(`container ${containerId} is not running`);
}
