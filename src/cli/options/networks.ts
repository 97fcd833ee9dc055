import type { EndpointSettings } from "../../wire/index.ts";
import { cut } from "../flags.ts";
import { parseDecimal } from "../text/numbers.ts";
import { parseCsv } from "./csv.ts";

/** One `--network`: a name, or `name=x,alias=a,ip=…,driver-opt=k=v`. */
export interface NetworkFlag {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly linkLocal: readonly string[];
  readonly mac: string;
  readonly gatewayPriority: number;
}

/** The older flags, which mean the first network. */
export interface FirstNetworkFlags {
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly ipv4: string;
  readonly ipv6: string;
  readonly linkLocal: readonly string[];
  readonly mac: string;
}

const PLAIN: NetworkFlag = {
  target: "",
  aliases: [],
  driverOptions: {},
  ipv4: "",
  ipv6: "",
  linkLocal: [],
  mac: "",
  gatewayPriority: 0,
};

/** @throws with Docker's words. */
export function parseNetwork(text: string): NetworkFlag {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return { ...PLAIN, target: text };
  const network = parseCsv(text).reduce(readField, PLAIN);
  if (network.target === "") throw new Error("network name/id is not specified");
  return network;
}

function readField(network: NetworkFlag, field: string): NetworkFlag {
  const [name, rest] = cut(field.toLowerCase(), "=");
  if (rest === undefined || name === "") throw new Error(`invalid field ${field}`);
  const value = rest.trim();
  switch (name.trim()) {
    case "name":
      return { ...network, target: value };
    case "alias":
      return { ...network, aliases: [...network.aliases, value] };
    case "ip":
      return { ...network, ipv4: value };
    case "ip6":
      return { ...network, ipv6: value };
    case "mac-address":
      return { ...network, mac: value };
    case "link-local-ip":
      return { ...network, linkLocal: [...network.linkLocal, value] };
    case "driver-opt":
      return { ...network, driverOptions: { ...network.driverOptions, ...driverOption(value) } };
    case "gw-priority":
      return { ...network, gatewayPriority: priority(value) };
    default:
      throw new Error(`invalid field key ${name.trim()}`);
  }
}

function driverOption(text: string): Record<string, string> {
  const [key, value] = cut(text, "=");
  if (value === undefined || key === "") throw new Error("invalid key value pair format in driver options");
  return { [key.trim()]: value.trim() };
}

function priority(text: string): number {
  try {
    return parseDecimal(text);
  } catch (error) {
    throw new Error(`invalid gw-priority (${text}): ${(error as Error).message}`, { cause: error });
  }
}

/** Whether a network is one that somebody made, and no built-in mode. */
export function isUserDefined(mode: string): boolean {
  return !["default", "bridge", "host", "none"].includes(mode) && !mode.startsWith("container:");
}

/** The endpoints that a container shall have. @throws with Docker's words where options clash. */
export function endpointsOf(
  networks: readonly NetworkFlag[],
  first: FirstNetworkFlags,
): Record<string, EndpointSettings> {
  const chosen = networks.length === 0 ? [{ ...PLAIN, target: "default" }] : networks;
  const endpoints: Record<string, EndpointSettings> = {};
  for (const [index, network] of chosen.entries()) {
    const endpoint =
      index === 0 ? endpointOf(withFirst(network, first), linksOf(network, first)) : endpointOf(network, []);
    if (Object.hasOwn(endpoints, network.target)) {
      throw new Error(`network "${network.target}" is specified multiple times`);
    }
    // Nothing asked for: the engine makes the endpoint, as engines before 1.44 expect.
    if (networks.length === 1 && Object.keys(endpoint).length === 0) continue;
    endpoints[network.target] = endpoint;
  }
  if (
    networks.some(({ target }) => isUserDefined(target)) &&
    networks.some(({ target }) => !isUserDefined(target))
  ) {
    throw new Error(
      "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
    );
  }
  return endpoints;
}

/** On a network that somebody made a link is an alias; on the default bridge it belongs to the container. */
function linksOf({ target }: NetworkFlag, { links }: FirstNetworkFlags): readonly string[] {
  return isUserDefined(target) ? links : [];
}

function withFirst(network: NetworkFlag, first: FirstNetworkFlags): NetworkFlag {
  const both = (a: { length: number }, b: { length: number }) => a.length > 0 && b.length > 0;
  const clash = (flag: string, what: string) =>
    new Error(`conflicting options: cannot specify both --${flag} and per-network ${what}`);
  if (both(network.aliases, first.aliases)) throw clash("network-alias", "alias");
  if (both(network.ipv4, first.ipv4)) throw clash("ip", "IPv4 address");
  if (both(network.ipv6, first.ipv6)) throw clash("ip6", "IPv6 address");
  if (both(network.mac, first.mac)) throw clash("mac-address", "MAC address");
  if (both(network.linkLocal, first.linkLocal)) throw clash("link-local-ip", "link-local IP addresses");
  return {
    ...network,
    aliases: first.aliases.length > 0 ? first.aliases : network.aliases,
    ipv4: first.ipv4 || network.ipv4,
    ipv6: first.ipv6 || network.ipv6,
    mac: first.mac || network.mac,
    linkLocal: first.linkLocal.length > 0 ? first.linkLocal : network.linkLocal,
  };
}

function endpointOf(network: NetworkFlag, links: readonly string[]): EndpointSettings {
  const { target, aliases, driverOptions, ipv4, ipv6, linkLocal, mac, gatewayPriority } = network;
  if (target.trim() === "") throw new Error("no name set for network");
  if (!isUserDefined(target) && aliases.length > 0) {
    throw new Error("network-scoped aliases are only supported for user-defined networks");
  }
  if (mac !== "" && !isMacAddress(mac)) throw new Error(`${mac} is not a valid mac address`);
  const hasAddress = ipv4 !== "" || ipv6 !== "" || linkLocal.length > 0;
  return {
    ...(aliases.length > 0 && { Aliases: [...aliases] }),
    ...(links.length > 0 && { Links: [...links] }),
    ...(Object.keys(driverOptions).length > 0 && { DriverOpts: { ...driverOptions } }),
    ...(mac !== "" && { MacAddress: mac }),
    ...(gatewayPriority !== 0 && { GwPriority: gatewayPriority }),
    ...(hasAddress && {
      IPAMConfig: {
        ...(ipv4 !== "" && { IPv4Address: ipv4 }),
        ...(ipv6 !== "" && { IPv6Address: ipv6 }),
        ...(linkLocal.length > 0 && { LinkLocalIPs: [...linkLocal] }),
      },
    }),
  };
}

/** Six, eight or twenty bytes, in the notations of Go's `net.ParseMAC`. */
export function isMacAddress(text: string): boolean {
  const bytes = /^([0-9a-fA-F]{2})([:-])([0-9a-fA-F]{2}\2)*[0-9a-fA-F]{2}$/.test(text.trim());
  const words = /^([0-9a-fA-F]{4}\.)+[0-9a-fA-F]{4}$/.test(text.trim());
  const digits = text.replaceAll(/[^0-9a-fA-F]/g, "").length;
  return (bytes || words) && [12, 16, 40].includes(digits);
}
