import { randomBytes } from "node:crypto";
import {
  type EmitEvent,
  forbidden,
  invalidParameter,
  log,
  messageOf,
  notFound,
  shortId,
} from "../lib/index.ts";
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
import { bridgeSettings } from "./bridge/settings.ts";
import { type CheckedConfig, checkNetworksConfig, type NetworksConfig } from "./config.ts";
import { hostResolver } from "./container-files.ts";
import { newNetwork } from "./create.ts";
import type { NetworkDriver } from "./driver.ts";
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
import { HostPorts } from "./ports/host-ports.ts";
import { readPortRequests } from "./ports/requests.ts";
import { predefinedNetworks } from "./predefined.ts";
import { type NetworkRecord, NetworkStore } from "./records.ts";
import {
  type AttachRequest,
  type Joined,
  type LiveRequest,
  type NetworkSandbox,
  Sandboxes,
} from "./sandboxes.ts";
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
    const runner = this.#config.packetFilter === false ? undefined : Nftables.open(options.hostNamespace);
    this.#filter = runner === undefined ? new NoFilter() : this.#newFilter(runner);
    this.#docker = runner === undefined ? undefined : new DockerForward(this.#host, runner);
    this.#hostPorts = new HostPorts({
      host: this.#host,
      hasIpv6: this.#host.sysctl("ipv6/conf/all/disable_ipv6") === "0",
    });
    this.#drivers = this.#makeDrivers(options.lockPath ?? LOCK_PATH);
    this.#sandboxes = new Sandboxes({
      store: this.#store,
      emit: options.emit,
      filter: this.#filter,
      hostPorts: this.#hostPorts,
      host: this.#host,
      driver: (name) => this.#driver(name),
      find: (nameOrId) => this.#networks.find(nameOrId),
      files: () => ({ hostGateways: this.#hostGateways(), defaults: this.#dnsDefaults() }),
    });
  }

  #newFilter(runner: Nftables): PacketFilter {
    return new NftFilter({
      table: this.#instance,
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
    for (const record of [...predefined, ...earlier.filter(({ name }) => !names.has(name))]) {
      await this.#open(record).catch((error: unknown) => {
        log.error("cannot set up a network", { network: record.name, reason: messageOf(error) });
        this.#broken.set(record.name, record);
      });
    }
    await this.#sandboxes.restore(live);
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
    if (!this.#broken.has(canonicalName(request.networkMode))) this.#networks.find(request.networkMode);
    readPortRequests({ exposedPorts: [], publishAllPorts: false, portBindings: request.portBindings });
    if (request.macAddress !== undefined && request.macAddress !== "") parseMac(request.macAddress);
    for (const [name, settings] of Object.entries(request.networking.EndpointsConfig ?? {})) {
      const wanted = canonicalName(name === "" ? request.networkMode : name);
      const record = this.#broken.get(wanted) ?? this.#networks.find(wanted).record;
      if (settings.MacAddress) parseMac(settings.MacAddress);
      if (record.predefined === true) refuseUserDefinedOnly(settings);
    }
  }

  async attach(request: AttachRequest): Promise<NetworkSandbox> {
    await this.restore([]);
    await this.#repair(request.networkMode);
    return await this.#sandboxes.attach(request);
  }

  release(containerId: string): Promise<void> {
    return this.#sandboxes.release(containerId);
  }

  settings(containerId: string): NetworkSettings | undefined {
    return this.#sandboxes.settings(containerId);
  }

  networkId(networkMode: string): string | undefined {
    try {
      return this.#networks.find(networkMode).record.id;
    } catch {
      return undefined;
    }
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
      mtu: this.#config.mtu,
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
    return { Id: record.id, Warning: "" };
  }

  /** @throws NotFound, Forbidden where it is predefined or a running container is on it */
  async remove(nameOrId: string): Promise<void> {
    const network = this.#networks.find(nameOrId);
    const { record } = network;
    if (record.predefined === true) {
      throw forbidden(`${record.name} is a pre-defined network and cannot be removed`);
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
      if (record.predefined === true || endpoints.size > 0 || !matches(record)) continue;
      await this.remove(record.id);
      deleted.push(record.name);
    }
    this.#emit({ type: "network", action: "prune", actorId: "", attributes: { reclaimed: "0" } });
    return { NetworksDeleted: deleted };
  }

  /**
   * Joins a running container, whose first process is `pid`, to one more network. For one that does not run the
   * caller only notes it.
   */
  async join(
    nameOrId: string,
    request: AttachRequest,
    settings: EndpointSettings,
    pid: number,
  ): Promise<Joined> {
    return await this.#sandboxes.connect(request, this.#connectable(nameOrId), settings, pid);
  }

  /** Takes a running container off a network. */
  async leave(nameOrId: string, containerId: string, pid: number): Promise<void> {
    await this.#sandboxes.disconnect(containerId, this.#networks.find(nameOrId), pid);
  }

  // ——— inside ———

  #connectable(nameOrId: string): LiveNetwork {
    const network = this.#networks.find(nameOrId);
    const { driver } = network.record;
    if (driver === "host" || driver === "null") {
      throw forbidden(
        driver === "host"
          ? "container cannot be connected to host network - container must be created in host network mode"
          : "container cannot be connected to multiple networks with one of the networks in private (none) mode",
      );
    }
    return network;
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

/** @throws InvalidParameter in Docker's words */
function refuseUserDefinedOnly(settings: NonNullable<NetworkingConfig["EndpointsConfig"]>[string]): void {
  if (settings.IPAMConfig?.IPv4Address || settings.IPAMConfig?.IPv6Address) {
    throw invalidParameter("user specified IP address is supported on user defined networks only");
  }
  if (settings.Aliases && settings.Aliases.length > 0) {
    throw invalidParameter("network-scoped alias is supported only for containers in user defined networks");
  }
}
