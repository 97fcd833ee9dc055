import { randomBytes } from "node:crypto";
import { invalidParameter, systemError } from "../lib/index.ts";
import { inNetworkNamespace, type NetworkNamespace } from "../linux/index.ts";
import { tryParseAddress } from "./cidr.ts";
import { writeSysctl } from "./host.ts";
import type { EndpointRecord, EndpointWishes } from "./records.ts";

/** Keys of an endpoint's own options (`--network name=n,driver-opt=…`), which are Docker's. */
export const ENDPOINT_OPTION = {
  sysctls: "com.docker.network.endpoint.sysctls",
  interfaceName: "com.docker.network.endpoint.ifname",
} as const;

/** A new name for the host's end of a pair, in Docker's form. */
export function newHostInterface(): string {
  return `veth${randomBytes(4).toString("hex").slice(0, 7)}`;
}

/** All addresses of the container's interface, with prefix lengths: the network's, and link-local ones of the user's. */
export function interfaceAddresses(endpoint: EndpointRecord): string[] {
  const linkLocal = (endpoint.asked.ipam?.LinkLocalIPs ?? []).map((text) => {
    const address = tryParseAddress(text);
    return address?.family === 6 ? `${text}/64` : `${text}/16`;
  });
  return [endpoint.ipv4, endpoint.ipv6, ...linkLocal].filter((cidr) => cidr !== undefined);
}

/** A kernel setting of one interface: `net.ipv4.conf.IFNAME.log_martians=1`, for whichever interface it becomes. */
interface InterfaceSysctl {
  /** Below /proc/sys/net. */
  readonly path: (interfaceName: string) => string;
  readonly value: string;
  readonly text: string;
}

/** Families and tables as the kernel names them; everything else might lead out of /proc/sys/net. */
const SYSCTL = /^net\.(ipv4|ipv6|mpls)\.([a-z0-9_-]+)\.(?:IFNAME|ifname)\.([A-Za-z0-9_-]+)=([^\n]*)$/;

/** @throws InvalidParameter in Docker's words */
export function interfaceSysctls(wishes: EndpointWishes): InterfaceSysctl[] {
  const text = wishes.driverOptions?.[ENDPOINT_OPTION.sysctls] ?? "";
  if (text === "") return [];
  return text.split(",").map((one) => {
    const match = SYSCTL.exec(one);
    if (match === null) {
      throw invalidParameter(
        `unrecognised network interface sysctl '${one.slice(0, 200)}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
      );
    }
    const [, family, table, setting, value] = match;
    return { path: (name) => `${family}/${table}/${name}/${setting}`, value: value!, text: one };
  });
}

/** @throws System where the kernel has no such setting or does not take the value */
export function applySysctls(namespace: NetworkNamespace, endpoint: EndpointRecord): void {
  const sysctls = interfaceSysctls(endpoint.asked);
  if (sysctls.length === 0) return;
  const refused = inNetworkNamespace(namespace, () =>
    sysctls.find(({ path, value }) => !writeSysctl(path(endpoint.interfaceName), value)),
  );
  if (refused !== undefined) {
    throw systemError(`failed to set the interface's sysctl ${JSON.stringify(refused.text)}`);
  }
}

/** The name that the user wants the interface to have in the container. @throws InvalidParameter */
export function askedInterfaceName(wishes: EndpointWishes): string | undefined {
  const name = wishes.driverOptions?.[ENDPOINT_OPTION.interfaceName];
  if (name === undefined || name === "") return undefined;
  if (!/^[^\s/:\0]{1,15}$/.test(name) || name === "." || name === "..") {
    throw invalidParameter(`invalid interface name ${JSON.stringify(name.slice(0, 100))}`);
  }
  return name;
}
