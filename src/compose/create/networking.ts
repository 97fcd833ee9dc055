import { invalidParameter } from "../../lib/index.ts";
import type { EndpointSettings } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";
import type { ServiceNetwork } from "../model/index.ts";
import type { Project } from "../project/index.ts";

/** The driver option by which an engine names an interface. */
const INTERFACE_OPTION = "com.docker.network.endpoint.ifname";

/** What of a service's networks depends on the container. */
export interface Membership {
  /** Its names on every network: its own, and the service's where it is one of its replicas. */
  readonly names: readonly string[];
  /** Whether `aliases` count: not for a container of `run`, unless it asks for them. */
  readonly aliases: boolean;
  /** `shop-db-1:db` */
  readonly links: readonly string[];
}

/** The service's networks, the one that it is created on first: by priority, else by name. */
export function networksInOrder(service: NamedService): string[] {
  const priority = (key: string) => service.networks?.[key]?.priority ?? 0;
  return Object.keys(service.networks ?? {}).sort(
    (a, b) => priority(b) - priority(a) || (a < b ? -1 : a > b ? 1 : 0),
  );
}

/**
 * How the container joins one of the project's networks.
 *
 * @param key of the network in the Compose file.
 * @param warn for what the file says twice.
 */
export function endpointSettings(
  service: NamedService,
  key: string,
  { names, aliases, links }: Membership,
  warn: (message: string) => void,
): EndpointSettings {
  const network = service.networks?.[key] ?? undefined;
  const mac = macAddress(service, key, network);
  const options = driverOptions(service, key, network, warn);
  return {
    Aliases: [...names, ...(aliases ? (network?.aliases ?? []) : [])],
    ...(links.length > 0 ? { Links: [...links] } : {}),
    ...(network === undefined ? {} : addresses(network)),
    ...(mac === undefined ? {} : { MacAddress: mac }),
    ...(options === undefined ? {} : { DriverOpts: options }),
    ...(network?.gw_priority === undefined ? {} : { GwPriority: network.gw_priority }),
  };
}

function addresses(network: ServiceNetwork): EndpointSettings {
  const { ipv4_address, ipv6_address } = network;
  const local = network.link_local_ips?.filter((address) => address !== "") ?? [];
  if (!ipv4_address && !ipv6_address && local.length === 0) return {};
  return {
    IPAMConfig: {
      ...(ipv4_address ? { IPv4Address: ipv4_address } : {}),
      ...(ipv6_address ? { IPv6Address: ipv6_address } : {}),
      ...(local.length > 0 ? { LinkLocalIPs: local } : {}),
    },
  };
}

/** The service's own address is that of its first network. */
function macAddress(
  service: NamedService,
  key: string,
  network: ServiceNetwork | undefined,
): string | undefined {
  const own = network?.mac_address;
  const whole = service.mac_address;
  if (!whole || networksInOrder(service)[0] !== key) return own;
  if (own && own !== whole) {
    throw invalidParameter(`the service-level mac_address should have the same value as network ${key}`);
  }
  return whole;
}

function driverOptions(
  service: NamedService,
  key: string,
  network: ServiceNetwork | undefined,
  warn: (message: string) => void,
): Record<string, string> | undefined {
  const { interface_name, driver_opts } = network ?? {};
  if (!interface_name) return driver_opts;
  const given = driver_opts?.[INTERFACE_OPTION];
  if (given !== undefined && given !== interface_name) {
    const at = `services.${service.name}.networks.${key}`;
    warn(`${at}: interface_name ${interface_name} counts, not ${INTERFACE_OPTION} of driver_opts`);
  }
  return { ...driver_opts, [INTERFACE_OPTION]: interface_name };
}

/** What the engine calls a network of the project. */
export function networkName(project: Project, key: string): string {
  return project.networks[key]?.name ?? key;
}
