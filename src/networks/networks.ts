import { randomBytes } from "node:crypto";
import { type EmitEvent, forbidden, log, messageOf, notFound, shortId } from "../lib/index.ts";
import { Nftables } from "../linux/index.ts";
import type { Database } from "../store/index.ts";
import type {
  EndpointSettings,
  Network,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkingConfig,
  NetworkPruneResponse,
  NetworkSettings,
  PortMap,
} from "../wire/index.ts";
import { BridgeDriver } from "./bridge/bridge-driver.ts";
import { clashes } from "./bridge/host-bridge.ts";
import { bridgeSettings } from "./bridge/settings.ts";
import { type Family, parseSubnet } from "./cidr.ts";
import { type CheckedConfig, checkNetworksConfig, type NetworksConfig } from "./config.ts";
import { refuseConfigurationOnly } from "./configuration.ts";
import { hostResolver } from "./container-files.ts";
import { newNetwork } from "./create.ts";
import type { NetworkDriver } from "./driver.ts";
import { checkEndpointSettings } from "./endpoint-settings.ts";
import { parseResolvConf } from "./files/resolv-conf.ts";
import { DockerForward } from "./filter/docker-forward.ts";
import { NftFilter } from "./filter/nft.ts";
import { NoFilter } from "./filter/no-filter.ts";
import type { PacketFilter } from "./filter/packet-filter.ts";
import { type Filters, networkFilter, pruneFilter } from "./filters.ts";
import { enableForwarding, restoreForwarding } from "./forwarding.ts";
import { type NamespaceHandle, NetworkHost } from "./host.ts";
import { parseMac } from "./mac.ts";
import { LiveNetwork } from "./network.ts";
import { canonicalName, NetworkSet } from "./network-set.ts";
import { ParentDriver } from "./parent/parent-driver.ts";
import { PassiveDriver } from "./passive-driver.ts";
import { UdpConnections } from "./ports/connections.ts";
import { HostPorts } from "./ports/host-ports.ts";
import { readPortRequests } from "./ports/requests.ts";
import { predefinedNetworks } from "./predefined.ts";
import { type NetworkRecord, NetworkStore } from "./records.ts";
import type {
  AttachRequest,
  Joined,
  LinkRequest,
  LiveProcess,
  LiveRequest,
  NetworkSandbox,
} from "./sandbox.ts";
import { Sandboxes } from "./sandboxes.ts";
import { shownNetwork } from "./settings.ts";
import { withIpv6 } from "./subnets.ts";

export interface NetworksOptions {
  readonly database: Database;
  readonly emit: EmitEvent;
  /** Which of the host's daemons this is: names the bridge and the packet filter's table. */
  readonly instance: { readonly name: string };
  readonly config?: NetworksConfig;
  /** Plays the host, in tests. */
  readonly hostNamespace?: NamespaceHandle;
  /** Shared by all daemons of the host. */
  readonly lockPath?: string;
}

const LOCK_PATH = "/run/berth-subnets.lock";
/** How long a packet filter that somebody has flushed stays flushed, at most. */
const VERIFY_MS = 750;
const VERIFIES_PER_DOCKER = 8;
const USER_RULES = "user-rules";
const ULA = "ula-prefix";

/**
 * Bridges, addresses, published ports and names: the door of this room.
 *
 * `restore` comes first, once, with the containers that run; then `attach` and `release`. `close` leaves everything
 * as it is for containers that go on running, and takes everything away where there are none.
 */
export class Networks {
  readonly #store: NetworkStore;
  readonly #config: CheckedConfig;
  readonly #host: NetworkHost;
  readonly #filter: PacketFilter;
  readonly #docker: DockerForward | undefined;
  readonly #hostPorts: HostPorts;
  readonly #connections: UdpConnections;
  readonly #sandboxes: Sandboxes;
  readonly #drivers: ReadonlyMap<string, NetworkDriver>;
  readonly #networks = new NetworkSet();
  readonly #instance: string;
  readonly #emit: EmitEvent;
  /** By name, networks that could not be made to stand. */
  readonly #broken = new Map<string, NetworkRecord>();
  /** The packet filter could not be set up. */
  #unfiltered = false;
  #ready: Promise<void> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #verified = 0;
  #closed: Promise<void> | undefined;

  /** @throws InvalidParameter for a configuration that makes no sense. Touches nothing on the host yet. */
  constructor(options: NetworksOptions) {
    this.#config = checkNetworksConfig(options.config ?? {});
    this.#store = new NetworkStore(options.database);
    this.#instance = options.instance.name;
    this.#emit = options.emit;
    this.#host = new NetworkHost(options.hostNamespace);
    const families = this.#families();
    const runner = families.size === 0 ? undefined : Nftables.open(options.hostNamespace);
    this.#filter = runner === undefined ? new NoFilter() : this.#newFilter(runner, families);
    this.#docker = runner === undefined ? undefined : new DockerForward(this.#host, runner);
    this.#hostPorts = new HostPorts({
      host: this.#host,
      hasIpv6: this.#host.sysctl("ipv6/conf/all/disable_ipv6") === "0",
      forwards: this.#config.userlandProxy !== false,
      elsewhere: () => this.#filter.elsewhere(),
    });
    this.#connections = new UdpConnections(options.hostNamespace);
    this.#drivers = this.#makeDrivers(options.lockPath ?? LOCK_PATH);
    this.#sandboxes = new Sandboxes({
      store: this.#store,
      emit: options.emit,
      filter: this.#filter,
      hostPorts: this.#hostPorts,
      connections: this.#connections,
      host: this.#host,
      driver: (name) => this.#driver(name),
      find: (nameOrId) => this.#networks.find(nameOrId),
      files: () => ({ hostGateways: this.#hostGateways(), defaults: this.#dnsDefaults() }),
    });
  }

  /** Whose packets we may filter. */
  #families(): ReadonlySet<Family> {
    const { packetFilter, packetFilter6 } = this.#config;
    return new Set([
      ...(packetFilter === false ? [] : [4 as const]),
      ...(packetFilter6 === false ? [] : [6 as const]),
    ]);
  }

  #newFilter(runner: Nftables, families: ReadonlySet<Family>): PacketFilter {
    return new NftFilter({
      table: this.#instance,
      families,
      runner,
      userRules: {
        load: () => JSON.parse(this.#store.fact(USER_RULES) ?? "[]") as string[],
        save: (rules) => this.#store.setFact(USER_RULES, JSON.stringify(rules)),
      },
    });
  }

  #makeDrivers(lockPath: string): ReadonlyMap<string, NetworkDriver> {
    const pools = withIpv6(this.#config.pools, this.#ulaPrefix());
    const knownSubnets = (except: string) => this.#networks.subnets(except);
    const host = this.#host;
    const drivers: NetworkDriver[] = [
      new BridgeDriver({
        host,
        filter: this.#filter,
        pools,
        lockPath,
        nameservers: () => parseResolvConf(hostResolver().hostText).nameservers,
        knownSubnets,
      }),
      new ParentDriver("macvlan", { host, pools, knownSubnets }),
      new ParentDriver("ipvlan", { host, pools, knownSubnets }),
      new PassiveDriver("host"),
      new PassiveDriver("null"),
    ];
    return new Map(drivers.map((driver) => [driver.name, driver]));
  }

  // ——— life ———

  /**
   * Makes the networks stand, adopts what an earlier daemon left for the containers that still run, and touches none
   * of their traffic. Endpoints of all others are forgotten.
   */
  restore(live: readonly LiveRequest[]): Promise<void> {
    this.#ready ??= this.#restore(live);
    return this.#ready;
  }

  async #restore(live: readonly LiveRequest[]): Promise<void> {
    const earlier = this.#store.networks();
    const bridge = this.#instance === "berth" ? "berth0" : `br-${this.#instance.slice(-8)}`;
    const predefined = predefinedNetworks({
      config: this.#config,
      bridge,
      earlier,
      now: new Date().toISOString(),
    });
    const names = new Set(["bridge", ...predefined.map((record) => record.name)]);
    const fresh: string[] = [];
    for (const record of [...predefined, ...earlier.filter(({ name }) => !names.has(name))]) {
      if (this.#lacksBridge(record)) fresh.push(record.name);
      await this.#open(record).catch((error: unknown) => {
        log.error("cannot set up a network", { network: record.name, reason: messageOf(error) });
        this.#broken.set(record.name, record);
      });
    }
    await this.#sandboxes.restore(live);
    for (const name of live.length === 0 ? [] : fresh) await this.#mend(this.#networks.byName(name));
    await this.#filter.open().catch((error: unknown) => {
      // Containers without a network, or with the host's, can do without it; others try again.
      log.error("containers cannot have networks", { reason: messageOf(error) });
      this.#unfiltered = true;
    });
    await this.#docker?.allow(this.#bridges());
    this.#watch = setInterval(() => this.#verify(), VERIFY_MS);
    this.#watch.unref();
  }

  async #open(record: NetworkRecord): Promise<void> {
    if (record.driver === "bridge") await this.#forward(record);
    const standing = await this.#driver(record.driver).open(record);
    this.#networks.add(new LiveNetwork(standing));
    this.#store.saveNetwork(standing);
  }

  async #forward(record: NetworkRecord): Promise<void> {
    if (this.#config.ipForward === false || record.internal) return;
    const families = [...(record.ipv4 ? [4 as const] : []), ...(record.ipv6 ? [6 as const] : [])];
    for (const family of families) {
      const apart = enableForwarding(this.#host, this.#store, family);
      if (this.#config.ipForwardNoDrop !== true) await this.#filter.keepApart(family, apart);
    }
  }

  /** What could not be set up when the daemon started is tried again where it is needed, so that the user sees why not. */
  async #repair(networkMode: string): Promise<void> {
    const record = this.#broken.get(canonicalName(networkMode));
    if (record !== undefined) await this.#open(record);
    this.#broken.delete(canonicalName(networkMode));
    if (!this.#unfiltered || this.#networks.find(networkMode).record.driver !== "bridge") return;
    await this.#filter.open();
    this.#unfiltered = false;
  }

  #verify(): void {
    if (this.#sandboxes.count === 0) return;
    const failed = (error: unknown) =>
      log.error("cannot put the packet filter back", { reason: messageOf(error) });
    this.#filter.verify().catch(failed);
    // Docker may be started, or started anew, at any time.
    this.#verified++;
    if (this.#verified % VERIFIES_PER_DOCKER === 0) void this.#docker?.allow(this.#bridges());
  }

  /** The daemon ends. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#ready?.catch(() => {});
    clearInterval(this.#watch);
    const keep = this.#sandboxes.count > 0;
    if (!keep) {
      await this.#docker?.forget(this.#bridges());
      for (const { record } of this.#networks) {
        await this.#driver(record.driver)
          .close(record)
          .catch((error: unknown) =>
            log.warn("cannot take a network down", { network: record.name, reason: messageOf(error) }),
          );
      }
      restoreForwarding(this.#host, this.#store);
    }
    await this.#filter.close({ keep });
    this.#sandboxes.close();
    this.#hostPorts.close();
    this.#connections[Symbol.dispose]();
    this.#host.close();
  }

  // ——— what containers need ———

  /** At a container's creation: what `attach` would refuse for good. @throws NotFound, InvalidParameter */
  validate(request: {
    networkMode: string;
    networking: NetworkingConfig;
    portBindings: PortMap;
    macAddress?: string;
  }): void {
    const mode = canonicalName(request.networkMode);
    if (!this.#broken.has(mode) && !this.#isNone(mode)) {
      refuseConfigurationOnly(this.#networks.find(mode).record);
    }
    readPortRequests({ exposedPorts: [], publishAllPorts: false, portBindings: request.portBindings });
    if (request.macAddress !== undefined && request.macAddress !== "") parseMac(request.macAddress);
    for (const [name, settings] of Object.entries(request.networking.EndpointsConfig ?? {})) {
      const wanted = canonicalName(name === "" ? request.networkMode : name);
      const record = this.#broken.get(wanted) ?? this.#networks.find(wanted).record;
      checkEndpointSettings(record, settings);
    }
  }

  async attach(wanted: AttachRequest): Promise<NetworkSandbox> {
    await this.restore([]);
    const request = this.#isNone(wanted.networkMode) ? { ...wanted, withoutMode: true } : wanted;
    const { EndpointsConfig } = request.networking;
    const names = [
      ...(request.withoutMode ? [] : [request.networkMode]),
      ...Object.keys(EndpointsConfig ?? {}),
    ];
    const wantedNames = names.map((name) => (name === "" ? request.networkMode : name));
    for (const name of wantedNames) await this.#repair(name);
    return await this.#mending(wantedNames, () => this.#sandboxes.attach(request));
  }

  /** Where the work fails because an interface of the host's is gone, that is made again, and the work done. */
  async #mending<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENODEV") throw error;
      const mended: boolean[] = [];
      for (const name of names) mended.push(await this.#mend(this.#networks.find(name)));
      if (!mended.includes(true)) throw error;
      return await work();
    }
  }

  async #mend(network: LiveNetwork | undefined): Promise<boolean> {
    if (network === undefined) return false;
    const { record, endpoints } = network;
    return await this.#driver(record.driver).mend(record, [...endpoints.values()]);
  }

  #lacksBridge(record: NetworkRecord): boolean {
    return record.driver === "bridge" && this.#host.routes.link(bridgeSettings(record).bridge) === undefined;
  }

  release(containerId: string): Promise<void> {
    return this.#sandboxes.release(containerId);
  }

  /** What links say to a further process of the container `owner`: where their targets are now. */
  linkEnvironment(owner: string, links: readonly LinkRequest[]): readonly string[] {
    return this.#sandboxes.linkEnvironment(owner, links);
  }

  settings(containerId: string): NetworkSettings | undefined {
    return this.#sandboxes.settings(containerId);
  }

  /** Who is meant; a network that is only a configuration has no driver. @throws NotFound `network x not found` */
  network(nameOrId: string): { readonly id: string; readonly name: string; readonly driver: string } {
    const { id, name, driver, configOnly } = this.#networks.find(nameOrId).record;
    return { id, name, driver: configOnly === true ? "" : driver };
  }

  /** The address that `--add-host x:host-gateway` stands for; empty where there is no default bridge. */
  hostGateway(): string {
    return this.#hostGateways()[0] ?? "";
  }

  // ——— what people ask ———

  /** @throws InvalidParameter `invalid filter 'x'` */
  list(filters: Filters = {}): Network[] {
    const matches = networkFilter(filters);
    return [...this.#networks]
      .filter((network) => matches(network.record, network.endpoints.size > 0))
      .map((network) => shownNetwork(network.record, []));
  }

  /** @throws NotFound `network x not found` */
  inspect(nameOrId: string): Network {
    const network = this.#networks.find(nameOrId);
    return shownNetwork(network.record, network.endpoints.values());
  }

  // ——— what people make ———

  /** @throws Conflict `network with name x already exists`, Forbidden, InvalidParameter, NotFound for a driver */
  async create(request: NetworkCreateRequest): Promise<NetworkCreateResponse> {
    await this.restore([]);
    const record = newNetwork(request, {
      existing: this.#networks.records(),
      drivers: new Set(this.#drivers.keys()),
      defaultOptions: this.#config.defaultNetworkOptions ?? {},
      linkExists: (name) => this.#host.routes.link(name) !== undefined,
      now: new Date().toISOString(),
    });
    this.#networks.begin(record);
    try {
      await this.#open(record);
    } catch (error) {
      this.#networks.abandon(record);
      await this.#driver(record.driver)
        .close(record)
        .catch(() => {});
      throw error;
    }
    await this.#store.durable();
    await this.#docker?.allow(this.#bridges());
    this.#tell("create", record);
    return { Id: record.id, Warning: this.#clashes(record).join("; ") };
  }

  /** Of the subnets that the user asked for; those that are chosen meet nobody's. */
  #clashes(record: NetworkRecord): string[] {
    if (record.driver !== "bridge" || record.foreignBridge === true || record.ipam.length === 0) return [];
    const subnets = record.ipam.map(({ subnet }) => parseSubnet(subnet));
    const warnings = clashes(this.#host, bridgeSettings(record).bridge, subnets);
    for (const warning of warnings) log.warn(warning, { network: record.name });
    return warnings;
  }

  /** @throws NotFound, Forbidden where it is predefined or a running container is on it */
  async remove(nameOrId: string): Promise<void> {
    const network = this.#networks.find(nameOrId);
    const { record } = network;
    if (record.predefined === true) {
      throw forbidden(`${record.name} is a pre-defined network and cannot be removed`);
    }
    if (this.#isConfigurationOfOthers(record)) {
      throw forbidden(`configuration network ${JSON.stringify(record.name)} is in use`);
    }
    if (network.endpoints.size > 0) {
      const names = [...network.endpoints.values()].map(
        (endpoint) =>
          `name:${JSON.stringify(endpoint.containerName)} id:${JSON.stringify(shortId(endpoint.containerId))}`,
      );
      throw forbidden(
        `error while removing network: network ${record.name} has active endpoints (${names.join(", ")})`,
      );
    }
    // Nobody joins it from here on.
    this.#networks.remove(network);
    this.#store.removeNetwork(record.id);
    await this.#docker?.forget(bridgesOf([record]));
    await this.#driver(record.driver).close(record);
    await this.#store.durable();
    this.#tell("destroy", record);
  }

  async prune(filters: Filters = {}): Promise<NetworkPruneResponse> {
    const matches = pruneFilter(filters);
    const deleted: string[] = [];
    for (const { record, endpoints } of [...this.#networks]) {
      if (record.predefined === true || record.configOnly === true) continue;
      if (endpoints.size > 0 || !matches(record)) continue;
      await this.remove(record.id);
      deleted.push(record.name);
    }
    this.#emit({ type: "network", action: "prune", actorId: "", attributes: { reclaimed: "0" } });
    return { NetworksDeleted: deleted };
  }

  /** What `join` would refuse for good. @throws NotFound, InvalidParameter */
  checkEndpoint(nameOrId: string, settings: EndpointSettings): void {
    checkEndpointSettings(this.#networks.find(nameOrId).record, settings);
  }

  /**
   * Joins a running container to one more network. For one that does not run the caller only notes it.
   * @throws Forbidden where it is there already, Conflict where it has ended
   */
  async join(
    nameOrId: string,
    request: AttachRequest,
    settings: EndpointSettings,
    process: LiveProcess,
  ): Promise<Joined> {
    await this.#repair(nameOrId);
    const network = this.#networks.find(nameOrId);
    return await this.#mending([nameOrId], () =>
      this.#sandboxes.connect(request, network, settings, process),
    );
  }

  /** Takes a running container off a network. @throws System where it is not on it, Conflict where it has ended */
  async leave(nameOrId: string, containerId: string, process: LiveProcess): Promise<Joined> {
    return await this.#sandboxes.disconnect(containerId, this.#networks.find(nameOrId), process);
  }

  /**
   * Forgets the endpoint of a container that is gone.
   * @throws NotFound `endpoint x not found`, also where its container is there
   */
  async forget(nameOrId: string, containerName: string): Promise<void> {
    const network = this.#networks.find(nameOrId);
    const endpoint = [...network.endpoints.values()].find((one) => one.containerName === containerName);
    if (endpoint === undefined) throw notFound(`endpoint ${containerName} not found`);
    await this.#sandboxes.release(endpoint.containerId);
  }

  rename(containerId: string, name: string): void {
    this.#sandboxes.rename(containerId, name);
  }

  // ——— inside ———

  /** There is no default network (daemon.json's `"bridge": "none"`), and that is the one that is meant. */
  #isNone(networkMode: string): boolean {
    return this.#config.bridge === "none" && canonicalName(networkMode) === "bridge";
  }

  #isConfigurationOfOthers({ configOnly, name }: NetworkRecord): boolean {
    return configOnly === true && this.#networks.records().some(({ configFrom }) => configFrom === name);
  }

  #tell(action: "create" | "destroy", record: NetworkRecord): void {
    const attributes = { name: record.name, type: record.driver };
    this.#emit({ type: "network", action, actorId: record.id, attributes });
  }

  #bridges(): string[] {
    return bridgesOf([...this.#networks].map(({ record }) => record));
  }

  /** A /48 of unique local addresses, chosen once for this engine (RFC 4193). */
  #ulaPrefix(): string {
    const known = this.#store.fact(ULA);
    if (known !== undefined) return known;
    const prefix = `fd${randomBytes(5).toString("hex")}`.match(/..../g)!.join(":");
    this.#store.setFact(ULA, `${prefix}::/48`);
    return `${prefix}::/48`;
  }

  #driver(name: string): NetworkDriver {
    const driver = this.#drivers.get(name);
    if (driver === undefined)
      throw notFound(`could not find plugin ${name} in v1 plugin registry: plugin not found`);
    return driver;
  }

  #hostGateways(): readonly string[] {
    const configured = this.#config.hostGatewayIps ?? [];
    if (configured.length > 0) return configured;
    const gateways = this.#networks.byName("bridge")?.record.ipam.map((config) => config.gateway) ?? [];
    return gateways.filter((gateway) => gateway !== undefined);
  }

  #dnsDefaults() {
    const { dns, dnsOptions, dnsSearch } = this.#config;
    return {
      ...(dns === undefined ? {} : { nameservers: dns }),
      ...(dnsSearch === undefined ? {} : { search: dnsSearch }),
      ...(dnsOptions === undefined ? {} : { options: dnsOptions }),
    };
  }
}

function bridgesOf(records: readonly NetworkRecord[]): string[] {
  return records.flatMap((record) => (record.driver === "bridge" ? [bridgeSettings(record).bridge] : []));
}
