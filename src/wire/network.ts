import { PortMapSchema } from "./host-config.ts";
import {
  Bool,
  Int,
  list,
  map,
  nil,
  opt,
  type Static,
  struct,
  Text,
  TextMap,
  Texts,
  Time,
  Uint,
} from "./schema.ts";

export const EndpointIPAMConfigSchema = struct({
  IPv4Address: opt(Text),
  IPv6Address: opt(Text),
  LinkLocalIPs: nil(Texts),
});
export type EndpointIPAMConfig = Static<typeof EndpointIPAMConfigSchema>;

/** How a container is, or shall be, joined to one network. */
export const EndpointSettingsSchema = struct({
  IPAMConfig: nil(EndpointIPAMConfigSchema),
  Links: nil(Texts),
  MacAddress: opt(Text),
  Aliases: nil(Texts),
  DriverOpts: nil(TextMap),
  GwPriority: opt(Int),
  NetworkID: opt(Text),
  EndpointID: opt(Text),
  Gateway: opt(Text),
  IPAddress: opt(Text),
  IPPrefixLen: opt(Int),
  IPv6Gateway: opt(Text),
  GlobalIPv6Address: opt(Text),
  GlobalIPv6PrefixLen: opt(Int),
  DNSNames: nil(Texts),
});
export type EndpointSettings = Static<typeof EndpointSettingsSchema>;

/** Network name or id → endpoint. */
export const NetworkingConfigSchema = struct({
  EndpointsConfig: nil(map(EndpointSettingsSchema)),
});
export type NetworkingConfig = Static<typeof NetworkingConfigSchema>;

export const AddressSchema = struct({ Addr: opt(Text), PrefixLen: opt(Int) });
export type Address = Static<typeof AddressSchema>;

/** What `inspect` shows of a container's networks. */
export const NetworkSettingsSchema = struct({
  SandboxID: opt(Text),
  SandboxKey: opt(Text),
  Ports: nil(PortMapSchema),
  Networks: nil(map(EndpointSettingsSchema)),
  // Until v1.51: those of the default bridge, once more.
  Bridge: opt(Text),
  HairpinMode: opt(Bool),
  LinkLocalIPv6Address: opt(Text),
  LinkLocalIPv6PrefixLen: opt(Int),
  SecondaryIPAddresses: nil(list(AddressSchema)),
  SecondaryIPv6Addresses: nil(list(AddressSchema)),
  EndpointID: opt(Text),
  Gateway: opt(Text),
  GlobalIPv6Address: opt(Text),
  GlobalIPv6PrefixLen: opt(Int),
  IPAddress: opt(Text),
  IPPrefixLen: opt(Int),
  IPv6Gateway: opt(Text),
  MacAddress: opt(Text),
});
export type NetworkSettings = Static<typeof NetworkSettingsSchema>;

export const IPAMConfigSchema = struct({
  Subnet: opt(Text),
  IPRange: opt(Text),
  Gateway: opt(Text),
  AuxiliaryAddresses: nil(TextMap),
});
export type IPAMConfig = Static<typeof IPAMConfigSchema>;

export const IPAMSchema = struct({
  Driver: opt(Text),
  Config: nil(list(IPAMConfigSchema)),
  Options: nil(TextMap),
});
export type IPAM = Static<typeof IPAMSchema>;

export const ConfigReferenceSchema = struct({ Network: opt(Text) });

/** A container as `network inspect` shows it. Addresses have a prefix: `172.17.0.2/16`. */
export const EndpointResourceSchema = struct({
  Name: opt(Text),
  EndpointID: opt(Text),
  MacAddress: opt(Text),
  IPv4Address: opt(Text),
  IPv6Address: opt(Text),
});
export type EndpointResource = Static<typeof EndpointResourceSchema>;

export const NetworkSchema = struct({
  Name: Text,
  Id: Text,
  Created: opt(Time),
  Scope: Text,
  Driver: Text,
  EnableIPv4: opt(Bool),
  EnableIPv6: opt(Bool),
  IPAM: opt(IPAMSchema),
  Internal: opt(Bool),
  Attachable: opt(Bool),
  Ingress: opt(Bool),
  ConfigFrom: opt(ConfigReferenceSchema),
  ConfigOnly: opt(Bool),
  /** Container id → endpoint; in `network inspect` only. */
  Containers: nil(map(EndpointResourceSchema)),
  Options: nil(TextMap),
  Labels: nil(TextMap),
});
export type Network = Static<typeof NetworkSchema>;

export const NetworkCreateRequestSchema = struct({
  Name: opt(Text),
  CheckDuplicate: opt(Bool),
  Driver: opt(Text),
  Scope: opt(Text),
  Internal: opt(Bool),
  Attachable: opt(Bool),
  Ingress: opt(Bool),
  ConfigOnly: opt(Bool),
  ConfigFrom: nil(ConfigReferenceSchema),
  IPAM: nil(IPAMSchema),
  EnableIPv4: nil(Bool),
  EnableIPv6: nil(Bool),
  Options: nil(TextMap),
  Labels: nil(TextMap),
});
export type NetworkCreateRequest = Static<typeof NetworkCreateRequestSchema>;

export const NetworkCreateResponseSchema = struct({ Id: Text, Warning: Text });
export type NetworkCreateResponse = Static<typeof NetworkCreateResponseSchema>;

export const NetworkConnectRequestSchema = struct({
  Container: opt(Text),
  EndpointConfig: nil(EndpointSettingsSchema),
});
export type NetworkConnectRequest = Static<typeof NetworkConnectRequestSchema>;

export const NetworkDisconnectRequestSchema = struct({ Container: opt(Text), Force: opt(Bool) });
export type NetworkDisconnectRequest = Static<typeof NetworkDisconnectRequestSchema>;

export const NetworkPruneResponseSchema = struct({ NetworksDeleted: nil(Texts) });
export type NetworkPruneResponse = Static<typeof NetworkPruneResponseSchema>;

/** A published or exposed port, as a list of containers shows it. */
export const PortSummarySchema = struct({
  IP: opt(Text),
  PrivatePort: Uint,
  PublicPort: opt(Uint),
  /** `tcp`, `udp` or `sctp`. */
  Type: Text,
});
export type PortSummary = Static<typeof PortSummarySchema>;
