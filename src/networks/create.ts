import { conflict, forbidden, invalidParameter, newId, notFound } from "../lib/index.ts";
import type { IPAMConfig as IpamRequest, NetworkCreateRequest } from "../wire/index.ts";
import { BRIDGE_OPTION, bridgeSettings } from "./bridge/settings.ts";
import {
  contains,
  formatAddress,
  formatSubnet,
  overlaps,
  parseSubnet,
  type Subnet,
  tryParseAddress,
  tryParseInterface,
} from "./cidr.ts";
import { checkConfiguration, configured } from "./configuration.ts";
import { PREDEFINED } from "./predefined.ts";
import type { IpamConfig, NetworkRecord } from "./records.ts";
import { withGateway } from "./subnets.ts";

/** Subnets of one network; Docker has no limit, but a request of a million is no network. */
const SUBNETS_MAX = 64;

export interface CreateContext {
  readonly existing: Iterable<NetworkRecord>;
  readonly drivers: ReadonlySet<string>;
  /** By driver, options of networks that do not say otherwise. */
  readonly defaultOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** A link of the host has that name. */
  readonly linkExists: (name: string) => boolean;
  /** RFC 3339 */
  readonly now: string;
}

/**
 * The record of a network that a user asks for; subnets that were left open are chosen by the driver.
 * @throws InvalidParameter, Conflict, Forbidden, NotFound, NotImplemented, in Docker's words
 */
export function newNetwork(asked: NetworkCreateRequest, context: CreateContext): NetworkRecord {
  const name = checkName(asked.Name ?? "", context);
  checkConfiguration(asked);
  const configOnly = asked.ConfigOnly === true;
  const driver = configOnly ? "null" : checkDriver(asked.Driver || "bridge", context);
  refuseUnknownKinds(asked);
  const request = configured(asked, context.existing);
  const ipam = (request.IPAM?.Config ?? [])
    .filter((config) => Object.values(config).some(Boolean))
    .map(checkPool);
  if (ipam.length > SUBNETS_MAX) throw invalidParameter("too many IPAM configurations");
  const options = { ...context.defaultOptions[driver], ...request.Options };
  const ipv6 =
    request.EnableIPv6 ?? flag(options, ENABLE[6]) ?? ipam.some((config) => config.subnet.includes(":"));
  const record: NetworkRecord = {
    id: newId(),
    name,
    created: context.now,
    driver,
    ipv4: request.EnableIPv4 ?? flag(options, ENABLE[4]) ?? true,
    ipv6,
    internal: request.Internal ?? false,
    attachable: request.Attachable ?? false,
    ipam,
    ...(request.IPAM?.Options == null ? {} : { ipamOptions: request.IPAM.Options }),
    ...(configOnly ? { configOnly } : {}),
    ...(request.ConfigFrom?.Network ? { configFrom: request.ConfigFrom.Network } : {}),
    options: checkOptions(options, driver, request.Internal === true),
    labels: { ...request.Labels },
  };
  if (!record.ipv4 && !record.ipv6) {
    throw invalidParameter("IPv4 or IPv6 must be enabled");
  }
  refuseOverlaps(record, context);
  refuseSameBridge(record, context);
  const bridge = driver === "bridge" ? options[BRIDGE_OPTION.name] : undefined;
  return bridge !== undefined && context.linkExists(bridge) ? { ...record, foreignBridge: true } : record;
}

/** Options that say what `--ipv4` and `--ipv6` say. */
const ENABLE = { 4: "com.docker.network.enable_ipv4", 6: "com.docker.network.enable_ipv6" } as const;

function flag(options: Readonly<Record<string, string>>, key: string): boolean | undefined {
  const text = options[key];
  if (text === undefined) return undefined;
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw invalidParameter(`invalid value for ${key}: ${JSON.stringify(text.slice(0, 100))}`);
}

function checkName(name: string, context: CreateContext): string {
  if (name.trim() === "") throw invalidParameter("invalid network name: name is empty");
  if (name !== name.trim()) {
    throw invalidParameter("invalid network name: leading or trailing spaces are not allowed");
  }
  if (/[/\u0000-\u001f\u007f]/.test(name) || name.length > 255) {
    throw invalidParameter(`invalid network name: ${JSON.stringify(name.slice(0, 100))}`);
  }
  if ((PREDEFINED as readonly string[]).includes(name) || name === "default") {
    throw forbidden(`operation is not permitted on predefined ${name} network `);
  }
  if (name.startsWith("container:")) throw invalidParameter(`invalid network name: ${JSON.stringify(name)}`);
  for (const other of context.existing) {
    if (other.name === name) throw conflict(`network with name ${name} already exists`);
  }
  return name;
}

function checkDriver(driver: string, context: CreateContext): string {
  if (driver === "host" || driver === "null") {
    throw forbidden(`only one instance of ${JSON.stringify(driver)} network is allowed`);
  }
  if (driver === "overlay") {
    throw forbidden("This node is not a swarm manager: overlay networks are not available.");
  }
  if (!context.drivers.has(driver)) {
    throw notFound(`could not find plugin ${driver} in v1 plugin registry: plugin not found`);
  }
  return driver;
}

/** What only a swarm has, or what berth does not do: said, not ignored. */
function refuseUnknownKinds(request: NetworkCreateRequest): void {
  if (request.Ingress) throw forbidden("ingress networks need a swarm");
  if (request.Scope && request.Scope !== "local") {
    throw forbidden(`network scope ${request.Scope} is not available without a swarm`);
  }
  const ipamDriver = request.IPAM?.Driver || "default";
  if (ipamDriver !== "default") {
    throw notFound(`could not find plugin ${ipamDriver} in v1 plugin registry: plugin not found`);
  }
}

/** One `--subnet` with its range, gateway and auxiliary addresses. */
function checkPool(request: IpamRequest): IpamConfig {
  if (!request.Subnet)
    throw invalidParameter("invalid network config:\ninvalid subnet : invalid CIDR block notation");
  const parsed = tryParseInterface(request.Subnet);
  if (parsed === undefined) {
    throw invalidParameter(
      `invalid network config:\ninvalid subnet ${request.Subnet}: invalid CIDR block notation`,
    );
  }
  const { subnet } = parsed;
  const text = formatSubnet(subnet);
  if (formatAddress(parsed.address) !== formatAddress({ family: subnet.family, value: subnet.base })) {
    throw invalidParameter(`invalid network config:\ninvalid subnet ${request.Subnet}: it should be ${text}`);
  }
  if (SPECIAL.some((other) => overlaps(subnet, other))) {
    throw invalidParameter(
      `invalid network config:\ninvalid subnet ${text}: its addresses have a meaning of their own`,
    );
  }
  const range = request.IPRange ? checkRange(request.IPRange, subnet) : undefined;
  const auxiliary = Object.entries(request.AuxiliaryAddresses ?? {});
  const pool = {
    subnet: text,
    ...(range === undefined ? {} : { ipRange: formatSubnet(range) }),
    ...(request.Gateway ? { gateway: checkMember("gateway", request.Gateway, subnet) } : {}),
    ...(auxiliary.length === 0
      ? {}
      : {
          auxiliary: Object.fromEntries(
            auxiliary.map(([name, address]) => [name, checkMember("auxiliary address", address, subnet)]),
          ),
        }),
  };
  refuseTakenByGateway(pool);
  return pool;
}

/** This host, this network, everybody: no network has these (RFC 6890). */
const SPECIAL = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "::/127", "ff00::/8"].map(parseSubnet);

function refuseTakenByGateway(pool: IpamConfig): void {
  const { gateway } = withGateway(pool);
  for (const [name, address] of Object.entries(pool.auxiliary ?? {})) {
    if (address !== gateway) continue;
    throw forbidden(`failed to allocate secondary ip address (${name}:${address}): Address already in use`);
  }
}

function checkRange(text: string, subnet: Subnet): Subnet {
  const parsed = tryParseInterface(text);
  const inside =
    parsed !== undefined && parsed.subnet.bits >= subnet.bits && contains(subnet, parsed.address);
  if (!inside) {
    throw invalidParameter(
      `invalid network config:\ninvalid ip-range ${text}: parent subnet is ${formatSubnet(subnet)}`,
    );
  }
  return parsed.subnet;
}

function checkMember(what: string, text: string, subnet: Subnet): string {
  const address = tryParseAddress(text);
  if (address === undefined || !contains(subnet, address)) {
    throw invalidParameter(
      `invalid network config:\ninvalid ${what} ${text}: parent subnet is ${formatSubnet(subnet)}`,
    );
  }
  return formatAddress(address);
}

function checkOptions(
  options: Readonly<Record<string, string>>,
  driver: string,
  internal: boolean,
): Readonly<Record<string, string>> {
  if (driver !== "bridge") return options;
  const { gatewayModes } = bridgeSettings({ id: "0".repeat(64), options });
  if (!internal && (gatewayModes[4] === "isolated" || gatewayModes[6] === "isolated")) {
    throw invalidParameter("gateway mode 'isolated' can only be used for an internal network");
  }
  return options;
}

function refuseOverlaps(record: NetworkRecord, context: CreateContext): void {
  const own: Subnet[] = [];
  const others = [...context.existing].flatMap((other) =>
    other.configOnly === true ? [] : other.ipam.map((config) => parseSubnet(config.subnet)),
  );
  for (const { subnet: text } of record.ipam) {
    const subnet = parseSubnet(text);
    const taken = record.configOnly === true ? own : [...own, ...others];
    if (taken.some((other) => overlaps(other, subnet))) {
      throw forbidden("invalid pool request: Pool overlaps with other one on this address space");
    }
    own.push(subnet);
  }
}

function refuseSameBridge(record: NetworkRecord, context: CreateContext): void {
  const name = record.options[BRIDGE_OPTION.name];
  if (name === undefined || record.driver !== "bridge") return;
  for (const other of context.existing) {
    if (other.driver === "bridge" && bridgeSettings(other).bridge === name) {
      throw forbidden(
        `cannot create network ${record.id} (${name}): conflicts with network ${other.id} (${name}): networks have same bridge name`,
      );
    }
  }
}
