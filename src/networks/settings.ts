import type { EndpointSettings, Network, NetworkSettings, PortMap } from "../wire/index.ts";
import { tryParseInterface } from "./cidr.ts";
import type { EndpointRecord, NetworkRecord } from "./records.ts";

/** A container's endpoints together: what `NetworkSettings` of `inspect` is made of. */
export interface SandboxFacts {
  /** 64 hex digits. */
  readonly id: string;
  /** Network and endpoint, the one that has the default route first. */
  readonly endpoints: readonly { readonly network: NetworkRecord; readonly endpoint: EndpointRecord }[];
  /** `80/tcp`, published or not. */
  readonly exposedPorts: readonly string[];
}

/** A container's networks as Docker shows them, with the fields of the default bridge repeated at the top (until v1.51). */
export function networkSettings(sandbox: SandboxFacts): NetworkSettings {
  const entries = sandbox.endpoints.map(({ network, endpoint }) => [
    network.name,
    endpointSettings(network, endpoint),
  ]);
  const networks = Object.fromEntries(entries) as Record<string, EndpointSettings>;
  const legacy = networks["bridge"];
  return {
    Bridge: "",
    SandboxID: sandbox.id,
    SandboxKey: "",
    Ports: portMap(sandbox),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: legacy?.EndpointID ?? "",
    Gateway: legacy?.Gateway ?? "",
    GlobalIPv6Address: legacy?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: legacy?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: legacy?.IPAddress ?? "",
    IPPrefixLen: legacy?.IPPrefixLen ?? 0,
    IPv6Gateway: legacy?.IPv6Gateway ?? "",
    MacAddress: legacy?.MacAddress ?? "",
    Networks: networks,
  };
}

export function endpointSettings(network: NetworkRecord, endpoint: EndpointRecord): EndpointSettings {
  const [address4, bits4] = split(endpoint.ipv4);
  const [address6, bits6] = split(endpoint.ipv6);
  return {
    IPAMConfig: endpoint.asked.ipam ?? null,
    Links: listed(endpoint.asked.links),
    Aliases: listed(endpoint.asked.aliases),
    MacAddress: endpoint.mac,
    DriverOpts: endpoint.asked.driverOptions === undefined ? null : { ...endpoint.asked.driverOptions },
    GwPriority: endpoint.asked.gatewayPriority ?? 0,
    NetworkID: network.id,
    EndpointID: endpoint.id,
    Gateway: endpoint.gateway4 ?? "",
    IPAddress: address4,
    IPPrefixLen: bits4,
    IPv6Gateway: endpoint.gateway6 ?? "",
    GlobalIPv6Address: address6,
    GlobalIPv6PrefixLen: bits6,
    DNSNames: endpoint.dnsNames.length === 0 ? null : [...endpoint.dnsNames],
  };
}

/** A copy, since what is shown belongs to whoever asked. */
const listed = (items: readonly string[] | undefined) => (items === undefined ? null : [...items]);

function split(cidr: string | undefined): [string, number] {
  if (cidr === undefined) return ["", 0];
  const at = cidr.indexOf("/");
  return [cidr.slice(0, at), Number(cidr.slice(at + 1))];
}

function portMap(sandbox: SandboxFacts): PortMap {
  const ports: PortMap = {};
  for (const exposed of sandbox.exposedPorts) ports[exposed] = null;
  for (const { endpoint } of sandbox.endpoints) {
    for (const port of endpoint.ports) {
      const key = `${port.containerPort}/${port.protocol}`;
      const binding = {
        HostIp: port.hostAddress,
        HostPort: port.hostPort === 0 ? "" : String(port.hostPort),
      };
      ports[key] = [...(ports[key] ?? []), binding];
    }
  }
  return ports;
}

/** A network as `network ls` and `network inspect` show it. */
export function shownNetwork(record: NetworkRecord, endpoints: Iterable<EndpointRecord>): Network {
  const containers = [...endpoints].map((endpoint) => [
    endpoint.containerId,
    {
      Name: endpoint.containerName,
      EndpointID: endpoint.id,
      MacAddress: endpoint.mac,
      IPv4Address: endpoint.ipv4 ?? "",
      IPv6Address: endpoint.ipv6 ?? "",
    },
  ]);
  return {
    Name: record.name,
    Id: record.id,
    Created: record.created,
    Scope: "local",
    Driver: record.driver,
    EnableIPv4: record.ipv4,
    EnableIPv6: record.ipv6,
    IPAM: {
      Driver: "default",
      Options: record.ipamOptions === undefined ? null : { ...record.ipamOptions },
      Config: isPassive(record) && record.configOnly !== true ? null : record.ipam.map(ipamConfig),
    },
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: false,
    ConfigFrom: { Network: record.configFrom ?? "" },
    ConfigOnly: record.configOnly === true,
    Containers: Object.fromEntries(containers) as Network["Containers"],
    Options: { ...record.options },
    Labels: { ...record.labels },
  };
}

/** `host` and `none` have no addresses to give. */
function isPassive(record: NetworkRecord): boolean {
  return record.driver === "host" || record.driver === "null";
}

function ipamConfig(config: NetworkRecord["ipam"][number]) {
  return {
    Subnet: config.subnet,
    ...(config.ipRange === undefined ? {} : { IPRange: config.ipRange }),
    ...(config.gateway === undefined ? {} : { Gateway: config.gateway }),
    ...(config.auxiliary === undefined ? {} : { AuxiliaryAddresses: { ...config.auxiliary } }),
  };
}

/** The address without its prefix length; undefined where there is none. */
export function addressOf(cidr: string | undefined) {
  return cidr === undefined ? undefined : tryParseInterface(cidr)?.address;
}
