import { type EmitEvent, invalidParameter, log, messageOf, notFound } from "../lib/index.ts";
import { Nftables } from "../linux/index.ts";
import type { Database } from "../store/index.ts";
import type { Network, NetworkingConfig, NetworkSettings, PortMap } from "../wire/index.ts";
import { BridgeDriver } from "./bridge/bridge-driver.ts";
import { bridgeSettings } from "./bridge/settings.ts";
import { parseSubnet } from "./cidr.ts";
import { type CheckedConfig, checkNetworksConfig, type NetworksConfig } from "./config.ts";
import { hostResolver } from "./container-files.ts";
import type { NetworkDriver } from "./driver.ts";
import { parseResolvConf } from "./files/resolv-conf.ts";
import { DockerForward } from "./filter/docker-forward.ts";
import { NftFilter } from "./filter/nft.ts";
import { NoFilter } from "./filter/no-filter.ts";
import type { PacketFilter } from "./filter/packet-filter.ts";
import { type Filters, networkFilter } from "./filters.ts";
import { enableForwarding, restoreForwarding } from "./forwarding.ts";
import { type NamespaceHandle, NetworkHost } from "./host.ts";
import { parseMac } from "./mac.ts";
import { LiveNetwork } from "./network.ts";
import { PassiveDriver } from "./passive-driver.ts";
import { HostPorts } from "./ports/host-ports.ts";
import { readPortRequests } from "./ports/requests.ts";
import { predefinedNetworks } from "./predefined.ts";
import { type NetworkRecord, NetworkStore } from "./records.ts";
import { type AttachRequest, type NetworkSandbox, Sandboxes } from "./sandboxes.ts";
import { shownNetwork } from "./settings.ts";

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
  readonly #networks = new Map<string, LiveNetwork>();
  readonly #instance: string;
  #ready: Promise<void> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #verified = 0;
  #closed: Promise<void> | undefined;

  /** @throws InvalidParameter for a configuration that makes no sense. Touches nothing on the host yet. */
  constructor(options: NetworksOptions) {
    this.#config = checkNetworksConfig(options.config ?? {});
    this.#store = new NetworkStore(options.database);
    this.#instance = options.instance.name;
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
      driver: (name) => this.#driver(name),
      find: (nameOrId) => this.#find(nameOrId),
      files: () => ({ hostGateways: this.#hostGateways(), defaults: this.#dnsDefaults() }),
    });
  }

  #newFilter(runner: Nftables): PacketFilter {
    const apart = this.#config.ipForward === false ? [] : enableForwarding(this.#host, this.#store);
    return new NftFilter({
      table: this.#instance,
      runner,
      apart: this.#config.ipForwardNoDrop === true ? [] : apart,
      userRules: {
        load: () => JSON.parse(this.#store.fact(USER_RULES) ?? "[]") as string[],
        save: (rules) => this.#store.setFact(USER_RULES, JSON.stringify(rules)),
      },
    });
  }

  #makeDrivers(lockPath: string): ReadonlyMap<string, NetworkDriver> {
    const bridge = new BridgeDriver({
      host: this.#host,
      filter: this.#filter,
      pools: this.#config.pools,
      lockPath,
      nameservers: () => parseResolvConf(hostResolver().hostText).nameservers,
      knownSubnets: (except) =>
        [...this.#networks.values()]
          .filter(({ record }) => record.id !== except)
          .flatMap(({ record }) => record.ipam.map((config) => parseSubnet(config.subnet))),
    });
    const drivers = [bridge, new PassiveDriver("host"), new PassiveDriver("null")];
    return new Map(drivers.map((driver) => [driver.name, driver]));
  }

  // ——— life ———

  /**
   * Makes the networks stand, adopts what an earlier daemon left for the containers that still run, and touches none
   * of their traffic. Endpoints of all others are forgotten.
   */
  restore(live: readonly AttachRequest[]): Promise<void> {
    this.#ready ??= this.#restore(live);
    return this.#ready;
  }

  async #restore(live: readonly AttachRequest[]): Promise<void> {
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
      await this.#open(record).catch((error: unknown) =>
        log.error("cannot set up a network", { network: record.name, reason: messageOf(error) }),
      );
    }
    await this.#sandboxes.restore(live);
    await this.#filter.open();
    await this.#docker?.allow(this.#bridges());
    this.#watch = setInterval(() => this.#verify(), VERIFY_MS);
    this.#watch.unref();
  }

  async #open(record: NetworkRecord): Promise<void> {
    const standing = await this.#driver(record.driver).open(record);
    this.#networks.set(record.id, new LiveNetwork(standing));
    this.#store.saveNetwork(standing);
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
      for (const { record } of this.#networks.values()) {
        await this.#driver(record.driver)
          .close(record)
          .catch((error: unknown) =>
            log.warn("cannot take a network down", { network: record.name, reason: messageOf(error) }),
          );
      }
      restoreForwarding(this.#host, this.#store);
    }
    await this.#filter.close({ keep });
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
    this.#find(request.networkMode);
    readPortRequests({ exposedPorts: [], publishAllPorts: false, portBindings: request.portBindings });
    if (request.macAddress !== undefined && request.macAddress !== "") parseMac(request.macAddress);
    for (const [name, settings] of Object.entries(request.networking.EndpointsConfig ?? {})) {
      const { record } = this.#find(name === "" ? request.networkMode : name);
      if (settings.MacAddress) parseMac(settings.MacAddress);
      if (record.predefined === true) refuseUserDefinedOnly(settings);
    }
  }

  async attach(request: AttachRequest): Promise<NetworkSandbox> {
    await this.restore([]);
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
      return this.#find(networkMode).record.id;
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
    return [...this.#networks.values()]
      .filter((network) => matches(network.record, network.endpoints.size > 0))
      .map((network) => shownNetwork(network.record, []));
  }

  /** @throws NotFound `network x not found` */
  inspect(nameOrId: string): Network {
    const network = this.#find(nameOrId);
    return shownNetwork(network.record, network.endpoints.values());
  }

  // ——— inside ———

  #bridges(): string[] {
    const bridges = [...this.#networks.values()].filter(({ record }) => record.driver === "bridge");
    return bridges.map(({ record }) => bridgeSettings(record).bridge);
  }

  /** By name, id, or the beginning of an id. */
  #find(nameOrId: string): LiveNetwork {
    const wanted = nameOrId === "" || nameOrId === "default" ? "bridge" : nameOrId;
    const exact = this.#networks.get(wanted) ?? this.#byName(wanted);
    if (exact !== undefined) return exact;
    const matches = [...this.#networks.values()].filter(({ record }) => record.id.startsWith(wanted));
    if (matches.length > 1) {
      throw invalidParameter(
        `network ${wanted} is ambiguous (${matches.length} matches found based on ID prefix)`,
      );
    }
    const [match] = matches;
    if (match === undefined) throw notFound(`network ${wanted} not found`);
    return match;
  }

  #byName(name: string): LiveNetwork | undefined {
    for (const network of this.#networks.values()) if (network.record.name === name) return network;
    return undefined;
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
    const gateways = this.#byName("bridge")?.record.ipam.map((config) => config.gateway) ?? [];
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

/** @throws InvalidParameter in Docker's words */
function refuseUserDefinedOnly(settings: NonNullable<NetworkingConfig["EndpointsConfig"]>[string]): void {
  if (settings.IPAMConfig?.IPv4Address || settings.IPAMConfig?.IPv6Address) {
    throw invalidParameter("user specified IP address is supported on user defined networks only");
  }
  if (settings.Aliases && settings.Aliases.length > 0) {
    throw invalidParameter("network-scoped alias is supported only for containers in user defined networks");
  }
}
