import type { EndpointSettings, NetworkSettings, PortSummary } from "../wire/index.ts";
import type { Context } from "./context.ts";
import { namesOf } from "./network-connect.ts";
import type { NetworkFacts } from "./ports.ts";
import type { ContainerRecord } from "./record.ts";

/** What is shown of a container's networks: as they are, or, where it has none now, as they will be. */
export function networkSettingsOf(
  context: Pick<Context, "endpoints">,
  record: ContainerRecord,
): NetworkSettings {
  const settings = context.endpoints.settings(record.id);
  if (settings === undefined) return plannedSettings(context, record);
  // The namespace is held by the container's processes alone: the path to it is theirs.
  const { pid } = record.state;
  return pid > 0 ? { ...settings, SandboxKey: `/proc/${pid}/ns/net` } : settings;
}

function plannedSettings(context: Pick<Context, "endpoints">, record: ContainerRecord): NetworkSettings {
  const asked = record.networking.EndpointsConfig ?? {};
  const networks = new Map<string, EndpointSettings>();
  for (const name of namesOf(record)) {
    const network = find(context, name);
    const known = networks.get(network?.name ?? name);
    // Docker notes which network it is at the first start.
    const id = record.state.startedBefore ? network?.id : undefined;
    const settings = emptyEndpoint({ ...known, ...asked[name] }, id ?? "");
    networks.set(network?.name ?? name, settings);
  }
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: "",
    Ports: {},
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: "",
    Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    MacAddress: "",
    Networks: Object.fromEntries(networks),
  };
}

function find({ endpoints }: Pick<Context, "endpoints">, nameOrId: string): NetworkFacts | undefined {
  try {
    return endpoints.network(nameOrId);
  } catch {
    return undefined;
  }
}

function emptyEndpoint(asked: EndpointSettings, networkId: string): EndpointSettings {
  return {
    IPAMConfig: asked.IPAMConfig ?? null,
    Links: asked.Links ?? null,
    Aliases: asked.Aliases ?? null,
    MacAddress: asked.MacAddress ?? "",
    DriverOpts: asked.DriverOpts ?? null,
    GwPriority: asked.GwPriority ?? 0,
    NetworkID: networkId,
    EndpointID: "",
    Gateway: "",
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}

/** The ports of a list's line. */
export function portSummaries(settings: NetworkSettings): PortSummary[] {
  return Object.entries(settings.Ports ?? {}).flatMap(([port, bindings]) => {
    const [number = "0", Type = "tcp"] = port.split("/");
    const PrivatePort = Number(number);
    if (!bindings?.length) return [{ PrivatePort, Type }];
    // Without a port of the host it is open at the container's own address.
    return bindings.map(({ HostIp, HostPort }) =>
      HostPort
        ? { ...(HostIp ? { IP: HostIp } : {}), PrivatePort, PublicPort: Number(HostPort), Type }
        : { PrivatePort, Type },
    );
  });
}
