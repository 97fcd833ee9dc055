import { invalidParameter } from "../../lib/index.ts";
import { tryParseAddress } from "../cidr.ts";

export interface HostsRecord {
  readonly address: string;
  readonly names: readonly string[];
}

export interface HostsInput {
  readonly hostname: string;
  readonly domainname?: string;
  /** The container's own addresses; none with `--network none`. */
  readonly addresses: readonly string[];
  /** `--add-host`, resolved by `extraHost`. */
  readonly extra: readonly HostsRecord[];
  /** `--link`s of the default bridge. */
  readonly links?: readonly HostsRecord[];
  /** `::1` is there to be named; false where the user took IPv6 away from all interfaces. */
  readonly ipv6Loopback?: boolean;
}

const LOOPBACK_4: HostsRecord = { address: "127.0.0.1", names: ["localhost"] };
const WELL_KNOWN_6: readonly HostsRecord[] = [
  { address: "::1", names: ["localhost", "ip6-localhost", "ip6-loopback"] },
  { address: "fe00::", names: ["ip6-localnet"] },
  { address: "ff00::", names: ["ip6-mcastprefix"] },
  { address: "ff02::1", names: ["ip6-allnodes"] },
  { address: "ff02::2", names: ["ip6-allrouters"] },
];

/** /etc/hosts of a container with a network namespace of its own, line for line as Docker writes it. */
export function hosts(input: HostsInput): string {
  const own = input.addresses.map((address) => ({ address, names: ownNames(input) }));
  const records = [
    LOOPBACK_4,
    ...((input.ipv6Loopback ?? true) ? WELL_KNOWN_6 : []),
    ...input.extra,
    ...(input.links ?? []),
    ...own,
  ];
  return records.map(line).join("");
}

/** What is added for addresses that the container gets while it runs. */
export function hostsLines(
  input: Pick<HostsInput, "hostname" | "domainname">,
  addresses: readonly string[],
): string {
  return addresses.map((address) => line({ address, names: ownNames(input) })).join("");
}

/** With `--network host`: the host's file and what `--add-host` adds. */
export function hostHosts(hostText: string, extra: readonly HostsRecord[]): string {
  if (extra.length === 0) return hostText;
  const separator = hostText === "" || hostText.endsWith("\n") ? "" : "\n";
  return `${hostText}${separator}${extra.map(line).join("")}`;
}

/** /etc/hostname */
export function hostnameFile(hostname: string): string {
  return `${hostname}\n`;
}

const line = (record: HostsRecord) => `${record.address}\t${record.names.join(" ")}\n`;

/** The full name first, so that `hostname -f` finds it. */
function ownNames(input: Pick<HostsInput, "hostname" | "domainname">): string[] {
  const { hostname, domainname } = input;
  if (domainname !== undefined && domainname !== "") return [`${hostname}.${domainname}`, hostname];
  const dot = hostname.indexOf(".");
  return dot > 0 ? [hostname, hostname.slice(0, dot)] : [hostname];
}

/**
 * One `--add-host`: `name:address` or `name=address`; the word `host-gateway` stands for the host as the container
 * sees it.
 * @throws InvalidParameter in Docker's words
 */
export function extraHost(text: string, hostGateways: readonly string[]): HostsRecord[] {
  const at = /[:=]/.exec(text)?.index ?? -1;
  const name = text.slice(0, Math.max(at, 0));
  const target = text.slice(at + 1).replace(/^\[(.*)\]$/, "$1");
  if (name === "" || /\s/.test(name))
    throw invalidParameter(`bad format for add-host: ${JSON.stringify(text)}`);
  if (target === "host-gateway") {
    if (hostGateways.length === 0) {
      throw invalidParameter("unable to derive the IP value for host-gateway");
    }
    return hostGateways.map((address) => ({ address, names: [name] }));
  }
  if (tryParseAddress(target.split("%", 1)[0]!) === undefined) {
    throw invalidParameter(`invalid IP address in add-host: ${JSON.stringify(target)}`);
  }
  return [{ address: target, names: [name] }];
}
