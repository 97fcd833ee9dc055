import { invalidParameter } from "../../lib/index.ts";
import type { Family } from "../cidr.ts";
import type { NetworkRecord } from "../records.ts";

/** Keys of a bridge network's options, which are Docker's. */
export const BRIDGE_OPTION = {
  defaultBridge: "com.docker.network.bridge.default_bridge",
  name: "com.docker.network.bridge.name",
  icc: "com.docker.network.bridge.enable_icc",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  hostBinding: "com.docker.network.bridge.host_binding_ipv4",
  mtu: "com.docker.network.driver.mtu",
  interfacePrefix: "com.docker.network.container_iface_prefix",
  gatewayMode4: "com.docker.network.bridge.gateway_mode_ipv4",
  gatewayMode6: "com.docker.network.bridge.gateway_mode_ipv6",
} as const;

/**
 * How containers of a network and the world outside meet, which is told for each family.
 *
 * `nat`: they leave with the host's address, and are reached by ports published on the host. `nat-unprotected`: the
 * same, and all of their ports are reached by whoever has a route to them. `routed`: they keep their own addresses, and
 * what is published is reached there. `isolated`: the host has no address on the network either.
 */
export type GatewayMode = "nat" | "nat-unprotected" | "routed" | "isolated";
const GATEWAY_MODES: readonly GatewayMode[] = ["nat", "nat-unprotected", "routed", "isolated"];

/** A bridge network's options, read. */
export interface BridgeSettings {
  readonly bridge: string;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly mtu: number;
  /** Where ports are published that name no address. */
  readonly hostBinding: string | undefined;
  readonly interfacePrefix: string;
  readonly gatewayModes: Readonly<Record<Family, GatewayMode>>;
}

/** What Ethernet carries, and what Docker sets where nobody says otherwise. */
export const DEFAULT_MTU = 1500;
/** The least that IPv4 allows (RFC 791), and the most that its length field can say. */
const MTU_RANGE = { least: 68, most: 65535 };

/** @throws InvalidParameter for values that make no sense; unknown keys are labels of somebody else. */
export function bridgeSettings(network: Pick<NetworkRecord, "id" | "options">): BridgeSettings {
  const { options } = network;
  const hostBinding = options[BRIDGE_OPTION.hostBinding];
  return {
    bridge: options[BRIDGE_OPTION.name] ?? `br-${network.id.slice(0, 12)}`,
    icc: flag(options, BRIDGE_OPTION.icc, true),
    masquerade: flag(options, BRIDGE_OPTION.masquerade, true),
    mtu: mtuOf(options[BRIDGE_OPTION.mtu]),
    hostBinding: hostBinding === undefined || hostBinding === "" ? undefined : hostBinding,
    interfacePrefix: options[BRIDGE_OPTION.interfacePrefix] ?? "eth",
    gatewayModes: {
      4: gatewayMode(options, BRIDGE_OPTION.gatewayMode4),
      6: gatewayMode(options, BRIDGE_OPTION.gatewayMode6),
    },
  };
}

function gatewayMode(options: Readonly<Record<string, string>>, key: string): GatewayMode {
  const text = options[key] ?? "";
  if (text === "") return "nat";
  const mode = GATEWAY_MODES.find((one) => one === text);
  if (mode === undefined) throw invalidParameter(`unknown gateway mode ${text.slice(0, 100)}`);
  return mode;
}

function mtuOf(text: string | undefined): number {
  if (text === undefined || text === "" || text === "0") return DEFAULT_MTU;
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(mtu >= MTU_RANGE.least && mtu <= MTU_RANGE.most)) {
    throw invalidParameter(`invalid value for ${BRIDGE_OPTION.mtu}: ${JSON.stringify(text.slice(0, 100))}`);
  }
  return mtu;
}

/** The words of Go's `strconv.ParseBool`. */
function flag(options: Readonly<Record<string, string>>, key: string, otherwise: boolean): boolean {
  const text = options[key];
  if (text === undefined) return otherwise;
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw invalidParameter(`invalid value for ${key}: ${JSON.stringify(text.slice(0, 100))}`);
}
