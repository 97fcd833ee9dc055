import type { NetworksConfig } from "../networks/index.ts";
import type { SettingValues } from "./config-file.ts";

/** dockerd's keys, and what the networks call them. Those that are absent or empty say nothing. */
const KEYS = {
  bridge: "bridge",
  bip: "bip",
  bip6: "bip6",
  "fixed-cidr": "fixedCidr",
  "fixed-cidr-v6": "fixedCidrV6",
  "default-gateway": "defaultGateway",
  "default-gateway-v6": "defaultGatewayV6",
  ipv6: "ipv6",
  mtu: "mtu",
  icc: "icc",
  ip: "ip",
  "ip-masq": "ipMasquerade",
  "ip-forward": "ipForward",
  "ip-forward-no-drop": "ipForwardNoDrop",
  iptables: "packetFilter",
  ip6tables: "packetFilter6",
  "userland-proxy": "userlandProxy",
  "default-address-pools": "defaultAddressPools",
  "default-network-opts": "defaultNetworkOptions",
  dns: "dns",
  "dns-opts": "dnsOptions",
  "dns-search": "dnsSearch",
  "host-gateway-ips": "hostGatewayIps",
} as const satisfies Readonly<Record<string, keyof NetworksConfig>>;

/** What daemon.json and the flags say about networks. Types were checked as the settings say. */
export function networksConfigOf(values: SettingValues): NetworksConfig {
  const config: Record<string, unknown> = {};
  for (const [key, name] of Object.entries(KEYS)) {
    const value = values.get(key);
    if (value !== undefined && value !== "" && !(key === "mtu" && value === 0)) config[name] = value;
  }
  // The older key, for one address.
  const gateway = values.get("host-gateway-ip");
  if (gateway !== undefined && gateway !== "") config["hostGatewayIps"] ??= [gateway];
  return config as NetworksConfig;
}
