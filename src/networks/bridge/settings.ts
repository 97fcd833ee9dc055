import { invalidParameter } from "../../lib/index.ts";
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
} as const;

/** A bridge network's options, read. */
export interface BridgeSettings {
  readonly bridge: string;
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly mtu: number;
  /** Where ports are published that name no address. */
  readonly hostBinding: string | undefined;
  readonly interfacePrefix: string;
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
  };
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
