import type { IPAMConfig, NetworkCreateRequest } from "../../wire/index.ts";
import { bool, list, map, string, strings, type Values } from "../flags.ts";
import { checkLabel } from "../options/checks.ts";
import { pairsToRecord } from "../options/environment.ts";
import { ipamOf } from "../options/ipam.ts";
import { defineCommand, exactly } from "../spec.ts";

const FLAGS = {
  attachable: bool("Let containers be attached by hand"),
  "aux-address": map("Addresses of the subnet that are in use already (name=address)"),
  "config-from": string("Network whose configuration to copy"),
  "config-only": bool("Keep only a configuration for other networks"),
  driver: string("Driver of the network", { short: "d", initial: "bridge" }),
  gateway: strings("Gateway of the subnet"),
  ingress: bool("Make the swarm's ingress network"),
  internal: bool("Let nothing out of the network"),
  "ip-range": strings("Part of the subnet from which containers get addresses"),
  "ipam-driver": string("Driver that gives out addresses", { initial: "default" }),
  "ipam-opt": map("Option of the driver that gives out addresses"),
  ipv4: bool("Give out IPv4 addresses", { initial: true }),
  ipv6: bool("Give out IPv6 addresses"),
  label: list("Give the network a label", { check: checkLabel }),
  opt: map("Option of the driver", { short: "o" }),
  scope: string("Scope of the network"),
  subnet: strings("Subnet (e.g. 10.1.0.0/16)"),
};

export const command = defineCommand({
  summary: "Create a network",
  usage: "[OPTIONS] NETWORK",
  arity: exactly(1),
  flags: FLAGS,
  async run({ cli, args, flags, changed }) {
    const request = requestOf(args[0]!, flags, changed);
    const { Id, Warning } = await (await cli.engine()).networks.create(request);
    if (Warning !== undefined && Warning !== "") cli.note(`WARNING: ${Warning}`);
    cli.line(Id);
  },
});

function requestOf(
  name: string,
  flags: Values<typeof FLAGS>,
  changed: (flag: keyof typeof FLAGS) => boolean,
): NetworkCreateRequest {
  const config: IPAMConfig[] = ipamOf(flags.subnet, flags["ip-range"], flags.gateway, flags["aux-address"]);
  return {
    Name: name,
    Driver: flags.driver,
    Options: { ...flags.opt },
    IPAM: { Driver: flags["ipam-driver"], Config: config, Options: { ...flags["ipam-opt"] } },
    Internal: flags.internal,
    Attachable: flags.attachable,
    Ingress: flags.ingress,
    Scope: flags.scope,
    ConfigOnly: flags["config-only"],
    ...(flags["config-from"] !== "" && { ConfigFrom: { Network: flags["config-from"] } }),
    ...(changed("ipv4") && { EnableIPv4: flags.ipv4 }),
    ...(changed("ipv6") && { EnableIPv6: flags.ipv6 }),
    Labels: pairsToRecord(flags.label),
  };
}
