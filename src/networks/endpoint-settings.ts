import { invalidParameter, messageOf } from "../lib/index.ts";
import type { EndpointSettings } from "../wire/index.ts";
import { contains, parseSubnet, tryParseAddress } from "./cidr.ts";
import { refuseConfigurationOnly } from "./configuration.ts";
import { wishesOf } from "./endpoints.ts";
import { askedInterfaceName, interfaceSysctls } from "./interface.ts";
import { parseMac } from "./mac.ts";
import type { NetworkRecord } from "./records.ts";

const UNSPECIFIED = new Set(["0.0.0.0", "::"]);

/**
 * What a user asks for on one network, looked at before anything is done.
 * @throws InvalidParameter with all that is wrong, Forbidden for a network that is only words, in Docker's words
 */
export function checkEndpointSettings(network: NetworkRecord, settings: EndpointSettings): void {
  refuseConfigurationOnly(network);
  if (settings.MacAddress) parseMac(settings.MacAddress);
  const problems = [...problemsOfAddresses(network, settings), ...problemsOfOptions(settings)];
  if (problems.length > 0) throw invalidParameter(`invalid endpoint settings:\n${problems.join("\n")}`);
}

function problemsOfAddresses(network: NetworkRecord, { IPAMConfig, Aliases }: EndpointSettings): string[] {
  const problems: string[] = [];
  const asked = [
    { family: 4, text: IPAMConfig?.IPv4Address ?? "" },
    { family: 6, text: IPAMConfig?.IPv6Address ?? "" },
  ].filter(({ text }) => text !== "");
  if (network.predefined === true) {
    if (asked.length > 0)
      problems.push("user specified IP address is supported on user defined networks only");
    if (Aliases && Aliases.length > 0) {
      problems.push("network-scoped aliases are only supported for user-defined networks");
    }
  }
  for (const { family, text } of asked) {
    const address = tryParseAddress(text);
    if (address?.family !== family || UNSPECIFIED.has(text))
      problems.push(`invalid IPv${family} address: ${text}`);
    else if (!network.ipam.some(({ subnet }) => contains(parseSubnet(subnet), address))) {
      problems.push(`no configured subnet contains IP address ${text}`);
    }
  }
  for (const text of IPAMConfig?.LinkLocalIPs ?? []) {
    if (tryParseAddress(text) === undefined || UNSPECIFIED.has(text)) {
      problems.push(`invalid link-local IP address: ${text}`);
    }
  }
  return problems;
}

function problemsOfOptions(settings: EndpointSettings): string[] {
  const wishes = wishesOf(settings);
  return [() => interfaceSysctls(wishes), () => askedInterfaceName(wishes)].flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  });
}
