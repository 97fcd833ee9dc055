import { invalidParameter } from "../lib/index.ts";
import { type IpAddress, parseAddress, parseInterface, parseSubnet, type Subnet } from "./cidr.ts";
import { DEFAULT_POOLS, parsePools, type SubnetPool } from "./subnets.ts";

/** What daemon.json and the daemon's flags say about networks; texts are as the user wrote them. Keys are dockerd's. */
export interface NetworksConfig {
  /** `bridge`: an existing bridge to use instead of our own, or `none` for no default network. */
  readonly bridge?: string;
  /** `bip`: the default bridge's address, `192.168.1.5/24`. */
  readonly bip?: string;
  /** `fixed-cidr`: where in the bridge's subnet containers get their addresses. */
  readonly fixedCidr?: string;
  readonly defaultGateway?: string;
  readonly defaultAddressPools?: readonly { base?: string; size?: number }[];
  readonly mtu?: number;
  readonly icc?: boolean;
  /** `ip`: where ports are published that name no address. */
  readonly ip?: string;
  /** `ip-masq` */
  readonly ipMasquerade?: boolean;
  /** `ip-forward`: may turn forwarding on. */
  readonly ipForward?: boolean;
  /** `ip-forward-no-drop`: where forwarding had to be turned on, let the host forward everything. */
  readonly ipForwardNoDrop?: boolean;
  /** `iptables`: whether to filter and publish at all. */
  readonly packetFilter?: boolean;
  readonly dns?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly dnsSearch?: readonly string[];
  /** `host-gateway-ips`: what `host-gateway` stands for. */
  readonly hostGatewayIps?: readonly string[];
}

/** The same, understood. */
export interface CheckedConfig extends NetworksConfig {
  readonly pools: readonly SubnetPool[];
  readonly defaultHostAddress: IpAddress | undefined;
  readonly fixedSubnet: Subnet | undefined;
}

/** @throws InvalidParameter for addresses and sizes that make no sense */
export function checkNetworksConfig(config: NetworksConfig): CheckedConfig {
  if (config.bip !== undefined && config.bridge !== undefined) {
    throw invalidParameter("You specified -b & --bip, mutually exclusive options. Please specify only one");
  }
  if (config.bip !== undefined) parseInterface(config.bip);
  for (const text of [...(config.hostGatewayIps ?? []), ...(config.dns ?? [])]) parseAddress(text);
  const pools = config.defaultAddressPools ?? [];
  return {
    ...config,
    pools: pools.length === 0 ? DEFAULT_POOLS : parsePools(pools),
    defaultHostAddress: config.ip === undefined ? undefined : parseAddress(config.ip),
    fixedSubnet: config.fixedCidr === undefined ? undefined : parseSubnet(config.fixedCidr),
  };
}
