import { invalidParameter } from "../lib/index.ts";
import { type Family, type IpAddress, parseAddress, tryParseAddress, tryParseInterface } from "./cidr.ts";
import { DEFAULT_POOLS, parsePools, type SubnetPool } from "./subnets.ts";

/** What daemon.json and the daemon's flags say about networks; texts are as the user wrote them. Keys are dockerd's. */
export interface NetworksConfig {
  /** `bridge`: an existing bridge to use instead of our own, or `none` for no default network. */
  readonly bridge?: string;
  /** `bip`: the default bridge's address, `192.168.1.5/24`. */
  readonly bip?: string;
  /** `fixed-cidr`: where in the bridge's subnet containers get their addresses. */
  readonly fixedCidr?: string;
  /** `default-gateway`: where containers on the default bridge send what is for elsewhere; the bridge by default. */
  readonly defaultGateway?: string;
  /** `ipv6`: the default bridge has IPv6 too. */
  readonly ipv6?: boolean;
  /** The same for IPv6. */
  readonly bip6?: string;
  readonly fixedCidrV6?: string;
  readonly defaultGatewayV6?: string;
  readonly defaultAddressPools?: readonly { base?: string; size?: number }[];
  /** Of the default bridge; `default-network-opts` has those of others. */
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
  /** `iptables`, `ip6tables`: whether to filter, masquerade and publish by the kernel at all. */
  readonly packetFilter?: boolean;
  readonly packetFilter6?: boolean;
  /** `userland-proxy`: what the kernel cannot lead to a container the daemon forwards itself. */
  readonly userlandProxy?: boolean;
  /** `default-network-opts`: options of new networks, by driver. */
  readonly defaultNetworkOptions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
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
}

/** @throws InvalidParameter for addresses and sizes that make no sense */
export function checkNetworksConfig(config: NetworksConfig): CheckedConfig {
  checkBridge(config);
  for (const text of config.dns ?? []) parseAddress(text);
  checkHostGateways(config.hostGatewayIps ?? []);
  const pools = config.defaultAddressPools ?? [];
  return {
    ...config,
    pools: pools.length === 0 ? DEFAULT_POOLS : parsePools(pools),
    defaultHostAddress: config.ip === undefined ? undefined : parseAddress(config.ip),
  };
}

/** What the default bridge shall be. */
function checkBridge(config: NetworksConfig): void {
  if (config.bip !== undefined && config.bridge !== undefined) {
    throw invalidParameter("You specified -b & --bip, mutually exclusive options. Please specify only one");
  }
  if (config.bip6 !== undefined && config.bridge !== undefined) {
    throw invalidParameter("You specified -b & --bip6, mutually exclusive options. Please specify only one");
  }
  checkPrefix("bip", config.bip, 4);
  checkPrefix("bip6", config.bip6, 6);
  checkPrefix("fixed-cidr", config.fixedCidr, 4);
  checkPrefix("fixed-cidr-v6", config.fixedCidrV6, 6);
  checkGateway("default-gateway", config.defaultGateway, 4);
  checkGateway("default-gateway-v6", config.defaultGatewayV6, 6);
  if (config.packetFilter === false && config.icc === false) {
    throw invalidParameter(
      "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true",
    );
  }
}

function checkPrefix(option: string, text: string | undefined, family: Family): void {
  if (text === undefined) return;
  if (tryParseInterface(text)?.address.family !== family) {
    throw invalidParameter(`parse ${option} failed: invalid CIDR address: ${text.slice(0, 100)}`);
  }
}

function checkGateway(option: string, text: string | undefined, family: Family): void {
  if (text === undefined || tryParseAddress(text)?.family === family) return;
  throw invalidParameter(`invalid argument ${JSON.stringify(text.slice(0, 100))} for "--${option}" flag`);
}

/** At most one of each family, as Docker has it. */
function checkHostGateways(addresses: readonly string[]): void {
  const families = addresses.map((text) => parseAddress(text).family);
  for (const family of [4, 6] as const) {
    if (families.filter((one) => one === family).length > 1) {
      throw invalidParameter(`only one IPv${family} host gateway IP address can be specified`);
    }
  }
}
