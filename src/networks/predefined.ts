import { newId } from "../lib/index.ts";
import { BRIDGE_OPTION, DEFAULT_MTU } from "./bridge/settings.ts";
import { type Family, formatAddress, formatSubnet, parseInterface, parseSubnet } from "./cidr.ts";
import type { CheckedConfig } from "./config.ts";
import { DEFAULT_GATEWAY, type IpamConfig, type NetworkRecord } from "./records.ts";

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
  const foreign = config.bridge !== undefined && config.bridge !== "";
  return {
    ...base(options, "bridge"),
    driver: "bridge",
    ipv6: config.ipv6 === true,
    automatic: config.bip === undefined && config.bip6 === undefined,
    ...(foreign ? { foreignBridge: true } : {}),
    ipam: [...addressing(options, 4), ...(config.ipv6 ? addressing(options, 6) : [])],
    options: {
      [BRIDGE_OPTION.defaultBridge]: "true",
      [BRIDGE_OPTION.icc]: String(config.icc ?? true),
      [BRIDGE_OPTION.masquerade]: String(config.ipMasquerade ?? true),
      [BRIDGE_OPTION.hostBinding]: config.ip ?? "0.0.0.0",
      [BRIDGE_OPTION.name]: foreign ? config.bridge! : options.bridge,
      [BRIDGE_OPTION.mtu]: String(config.mtu ?? DEFAULT_MTU),
    },
  };
}

/**
 * What the configuration says about one family: `bip` gives both the subnet and the host's address in it, `fixed-cidr`
 * where containers get theirs, and without `bip` the subnet too. Where neither says anything what there was is tried
 * again; nothing means that one is chosen.
 */
function addressing({ config, earlier }: PredefinedOptions, family: Family): IpamConfig[] {
  const four = family === 4;
  const bip = four ? config.bip : config.bip6;
  const fixed = (four ? config.fixedCidr : config.fixedCidrV6) ?? "";
  const range = fixed === "" ? {} : { ipRange: formatSubnet(parseInterface(fixed).subnet) };
  const gateway = four ? config.defaultGateway : config.defaultGatewayV6;
  const aux = gateway === undefined ? {} : { auxiliary: { [DEFAULT_GATEWAY[family]]: gateway } };
  if (bip !== undefined) {
    const { address, subnet } = parseInterface(bip);
    return [{ subnet: formatSubnet(subnet), gateway: formatAddress(address), ...range, ...aux }];
  }
  if (range.ipRange !== undefined) return [{ subnet: range.ipRange, ...range, ...aux }];
  const before = earlier.find((record) => record.name === "bridge")?.ipam ?? [];
  return before
    .filter(({ subnet }) => parseSubnet(subnet).family === family)
    .map((known) => ({ subnet: known.subnet, ...(known.gateway ? { gateway: known.gateway } : {}), ...aux }));
}
