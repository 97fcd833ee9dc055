import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { IPAMConfig } from "../../wire/index.ts";

/** Puts ranges, gateways and addresses to the subnets that hold them. @throws with Docker's words. */
export function ipamOf(
  subnets: readonly string[],
  ranges: readonly string[],
  gateways: readonly string[],
  auxiliary: Readonly<Record<string, string>>,
): IPAMConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw new Error("every ip-range or gateway must have a corresponding subnet");
  }
  const configs = subnets.map((subnet): IPAMConfig => ({ Subnet: subnet }));
  checkOverlap(subnets);
  for (const range of ranges) {
    const config = holder(configs, range, (subnet) => `no matching subnet for range ${range}${subnet}`);
    if (config.IPRange !== undefined)
      throw new Error(
        `cannot configure multiple ranges (${config.IPRange}, ${range}) on the same subnet (${config.Subnet})`,
      );
    config.IPRange = range;
  }
  for (const gateway of gateways) {
    const config = holder(configs, gateway, () => `no matching subnet for gateway ${gateway}`);
    if (config.Gateway !== undefined)
      throw new Error(
        `cannot configure multiple gateways (${config.Gateway}, ${gateway}) for the same subnet (${config.Subnet})`,
      );
    config.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(auxiliary)) {
    const config = holder(configs, address, () => `no matching subnet for aux-address ${address}`);
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address };
  }
  return configs;
}

function checkOverlap(subnets: readonly string[]): void {
  for (const [index, subnet] of subnets.entries()) {
    const other = subnets.slice(index + 1).find((each) => holds(subnet, each) || holds(each, subnet));
    if (other !== undefined) throw new Error("multiple overlapping subnet configuration is not supported");
  }
}

function holder(configs: IPAMConfig[], address: string, complaint: (subnet: string) => string): IPAMConfig {
  const found = configs.find(({ Subnet }) => holds(Subnet ?? "", address));
  if (found === undefined) throw new Error(complaint(""));
  return found;
}

/** Whether an address, or a subnet's first one, is in a subnet. */
function holds(subnet: string, address: string): boolean {
  const { network, prefix, family } = parseSubnet(subnet);
  const [host = ""] = address.split("/");
  const isSameFamily = family === "ipv4" ? isIPv4(host) : isIPv6(host);
  if (!isIPv4(host) && !isIPv6(host)) throw new Error(`invalid IP address: ${address}`);
  if (!isSameFamily) return false;
  const block = new BlockList();
  block.addSubnet(network, prefix, family);
  return block.check(host, family);
}

function parseSubnet(text: string): { network: string; prefix: number; family: "ipv4" | "ipv6" } {
  const [network = "", length = ""] = text.split("/");
  const family = isIPv4(network) ? "ipv4" : "ipv6";
  const isValid = /^\d{1,3}$/.test(length) && Number(length) <= (family === "ipv4" ? 32 : 128);
  if (!isValid || !(isIPv4(network) || isIPv6(network))) throw new Error(`invalid CIDR address: ${text}`);
  return { network, prefix: Number(length), family };
}
