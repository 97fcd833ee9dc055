import { forbidden, notFound } from "../lib/index.ts";
import type { NetworkCreateRequest } from "../wire/index.ts";
import type { NetworkRecord } from "./records.ts";

/**
 * Networks that are only a configuration (`--config-only`), and those that are made of one (`--config-from`).
 * @throws Forbidden for what contradicts itself, in Docker's words
 */
export function checkConfiguration(request: NetworkCreateRequest): void {
  const { IPAM } = request;
  if (request.ConfigOnly && (request.Internal || request.Attachable || request.Ingress || request.Scope)) {
    throw forbidden(
      "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
    );
  }
  if (!request.ConfigFrom?.Network) return;
  if (request.ConfigOnly) {
    throw forbidden("a configuration network cannot depend on another configuration network");
  }
  const hasPools = (IPAM?.Config ?? []).some((config) => Object.values(config).some(Boolean));
  const hasAnother = IPAM?.Driver && IPAM.Driver !== "default";
  if (request.EnableIPv6 || hasPools || hasAnother || isFilled(IPAM?.Options) || isFilled(request.Labels)) {
    throw forbidden(
      "user specified configurations are not supported if the network depends on a configuration network",
    );
  }
  if (isFilled(request.Options)) {
    throw forbidden(
      "network driver options are not supported if the network depends on a configuration network",
    );
  }
}

const isFilled = (map: object | null | undefined) => Object.keys(map ?? {}).length > 0;

/** The request with what the configuration says that it names. @throws NotFound */
export function configured(
  request: NetworkCreateRequest,
  existing: Iterable<NetworkRecord>,
): NetworkCreateRequest {
  const name = request.ConfigFrom?.Network;
  if (!name) return request;
  const source = [...existing].find((record) => record.configOnly === true && record.name === name);
  if (source === undefined) {
    throw notFound(`configuration network ${JSON.stringify(name)} does not exist`);
  }
  return {
    ...request,
    EnableIPv4: source.ipv4,
    EnableIPv6: source.ipv6,
    IPAM: {
      Config: source.ipam.map(({ subnet, ipRange, gateway, auxiliary }) => ({
        Subnet: subnet,
        ...(ipRange === undefined ? {} : { IPRange: ipRange }),
        ...(gateway === undefined ? {} : { Gateway: gateway }),
        ...(auxiliary === undefined ? {} : { AuxiliaryAddresses: { ...auxiliary } }),
      })),
      ...(source.ipamOptions === undefined ? {} : { Options: { ...source.ipamOptions } }),
    },
    Options: { ...source.options },
    Labels: { ...source.labels },
  };
}

/** @throws Forbidden in Docker's words: such a network is only words. */
export function refuseConfigurationOnly(record: NetworkRecord): void {
  if (record.configOnly === true) throw forbidden("cannot create endpoint on configuration-only network");
}
