import type { EndpointSettings, NetworkSettings, PortSummary } from "../wire/index.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

/** What is shown of a container's networks: as they are, or, where it has none now, as they will be. */
export function networkSettingsOf(
  context: Pick<Context, "endpoints">,
  record: ContainerRecord,
): NetworkSettings {
  return context.endpoints.settings(record.id) ?? plannedSettings(context, record);
}

function plannedSettings(context: Pick<Context, "endpoints">, record: ContainerRecord): NetworkSettings {
  const mode = record.host.NetworkMode ?? "bridge";
  const shared = mode.startsWith("container:");
  const asked = record.networking.EndpointsConfig ?? {};
  const names = shared ? [] : [...new Set([mode, ...Object.keys(asked)])];
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
    Networks: Object.fromEntries(
      names.map((name) => [name, emptyEndpoint(asked[name], context.endpoints.networkId?.(name) ?? "")]),
    ),
  };
}

function emptyEndpoint(asked: EndpointSettings | undefined, networkId: string): EndpointSettings {
  return {
    IPAMConfig: asked?.IPAMConfig ?? null,
    Links: asked?.Links ?? null,
    Aliases: asked?.Aliases ?? null,
    MacAddress: asked?.MacAddress ?? "",
    DriverOpts: asked?.DriverOpts ?? null,
    GwPriority: asked?.GwPriority ?? 0,
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
    return bindings.map(({ HostIp, HostPort }) => ({
      ...(HostIp ? { IP: HostIp } : {}),
      PrivatePort,
      PublicPort: Number(HostPort ?? 0),
      Type,
    }));
  });
}
