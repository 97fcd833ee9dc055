import { newId } from "../lib/index.ts";
import { BRIDGE_OPTION, DEFAULT_MTU } from "./bridge/settings.ts";
import { formatAddress, formatSubnet, parseInterface } from "./cidr.ts";
import type { CheckedConfig } from "./config.ts";
import type { IpamConfig, NetworkRecord } from "./records.ts";

/** Names that are always taken, and what they are made of. `default` is what clients call the first. */
export const PREDEFINED = ["bridge", "host", "none"] as const;

export interface PredefinedOptions {
  readonly config: CheckedConfig;
  /** Name of the default bridge of this instance. */
  readonly bridge: string;
  /** Records of an earlier daemon: ids and dates stay, and so does the subnet if it can. */
  readonly earlier: readonly NetworkRecord[];
  /** RFC 3339. */
  readonly now: string;
}

/** The networks that every engine has; without the first where daemon.json says `"bridge": "none"`. */
export function predefinedNetworks(options: PredefinedOptions): NetworkRecord[] {
  const { config } = options;
  const passive = [
    { ...base(options, "host"), driver: "host", ipam: [] },
    { ...base(options, "none"), driver: "null", ipam: [] },
  ];
  return config.bridge === "none" ? passive : [defaultBridge(options), ...passive];
}

function base(options: PredefinedOptions, name: string) {
  const earlier = options.earlier.find((record) => record.name === name);
  return {
    id: earlier?.id ?? newId(),
    name,
    created: earlier?.created ?? options.now,
    ipv4: true,
    ipv6: false,
    internal: false,
    attachable: false,
    predefined: true,
    options: {},
    labels: {},
  };
}

function defaultBridge(options: PredefinedOptions): NetworkRecord {
  const { config } = options;
  const earlier = options.earlier.find((record) => record.name === "bridge")?.ipam ?? [];
  return {
    ...base(options, "bridge"),
    driver: "bridge",
    automatic: config.bip === undefined,
    ipam: config.bip === undefined ? narrowed(earlier, config) : [fixed(config.bip, config)],
    options: {
      [BRIDGE_OPTION.defaultBridge]: "true",
      [BRIDGE_OPTION.icc]: String(config.icc ?? true),
      [BRIDGE_OPTION.masquerade]: String(config.ipMasquerade ?? true),
      [BRIDGE_OPTION.hostBinding]: config.ip ?? "0.0.0.0",
      [BRIDGE_OPTION.name]: config.bridge ?? options.bridge,
      [BRIDGE_OPTION.mtu]: String(config.mtu ?? DEFAULT_MTU),
    },
  };
}

/** `bip` gives both the subnet and the host's address in it. */
function fixed(bip: string, config: CheckedConfig): IpamConfig {
  const { address, subnet } = parseInterface(bip);
  return {
    subnet: formatSubnet(subnet),
    gateway: formatAddress(address),
    ...(config.fixedSubnet === undefined ? {} : { ipRange: formatSubnet(config.fixedSubnet) }),
  };
}

/** `fixed-cidr` without `bip` is the subnet itself, as in Docker; otherwise what there was is tried again. */
function narrowed(earlier: readonly IpamConfig[], config: CheckedConfig): readonly IpamConfig[] {
  if (config.fixedSubnet === undefined)
    return earlier.map(({ subnet, gateway }) => ({ subnet, gateway: gateway! }));
  return [{ subnet: formatSubnet(config.fixedSubnet) }];
}
