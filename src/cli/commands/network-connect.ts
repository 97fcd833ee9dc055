import type { EndpointSettings } from "../../wire/index.ts";
import { int, list, string, strings, type Values } from "../flags.ts";
import { checkLink } from "../options/checks.ts";
import { pairsToRecord } from "../options/environment.ts";
import { defineCommand, exactly } from "../spec.ts";

const FLAGS = {
  alias: strings("Name on the network"),
  "driver-opt": strings("Option of the network's driver (key=value)"),
  "gw-priority": int("The highest one gives the default gateway"),
  ip: string("IPv4 address (e.g. 172.30.100.104)"),
  ip6: string("IPv6 address (e.g. 2001:db8::33)"),
  link: list("Link to another container (name[:alias])", { check: checkLink, complete: "all-containers" }),
  "link-local-ip": strings("Link-local address"),
};

export const command = defineCommand({
  summary: "Connect a container to a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  arity: exactly(2),
  complete: "networks",
  flags: FLAGS,
  async run({ cli, args, flags }) {
    const [network = "", container = ""] = args;
    await (await cli.engine()).networks.connect(network, container, endpointOf(flags));
  },
});

function endpointOf(flags: Values<typeof FLAGS>): EndpointSettings {
  const options = flags["driver-opt"];
  if (options.some((option) => !/^[^=]+=/.test(option))) {
    throw new Error("invalid key/value pair format in driver options");
  }
  return {
    IPAMConfig: { IPv4Address: flags.ip, IPv6Address: flags.ip6, LinkLocalIPs: [...flags["link-local-ip"]] },
    Links: [...flags.link],
    Aliases: [...flags.alias],
    DriverOpts: pairsToRecord(options),
    GwPriority: flags["gw-priority"],
  };
}
