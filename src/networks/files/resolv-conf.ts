import { isLoopback, tryParseAddress } from "../cidr.ts";

/** A parsed resolv.conf(5). The last `search`, `domain` line wins, as in the C library; `options` add up. */
export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** Lines that we don't know (`sortlist`, …), kept as they are. */
  readonly other: readonly string[];
}

/** What `--dns`, `--dns-search`, `--dns-option` or daemon.json say; empty: the host's stays. */
export interface DnsOverrides {
  readonly nameservers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export interface ResolvConfInput {
  /** The host's file: where it is and what it says. */
  readonly hostPath: string;
  readonly hostText: string;
  readonly overrides: DnsOverrides;
  /** The container has an IPv6 address, so that it can ask an IPv6 name server. */
  readonly ipv6: boolean;
}

/** Google's, which Docker falls back to where the host has no name server that a container could reach. */
const FALLBACK_4 = ["8.8.8.8", "8.8.4.4"];
const FALLBACK_6 = ["2001:4860:4860::8888", "2001:4860:4860::8844"];

/** More than anybody has; keeps a strange host file from growing into every container. */
const LINES_MAX = 1000;

export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let search: string[] = [];
  const options: string[] = [];
  const other: string[] = [];
  for (const raw of text.split("\n", LINES_MAX)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const [keyword, ...values] = line.split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined) nameservers.push(values[0]);
    else if (keyword === "search" || keyword === "domain") search = values;
    else if (keyword === "options") options.push(...values);
    else if (keyword !== "nameserver") other.push(line);
  }
  return { nameservers, search, options, other };
}

/**
 * systemd-resolved's stub listens on a loopback address that no container reaches; the servers behind it are in
 * another file. Docker's rule: where 127.0.0.53 is the only name server.
 */
export function usesSystemdResolved(hostText: string): boolean {
  const { nameservers } = parseResolvConf(hostText);
  return nameservers.length === 1 && nameservers[0] === "127.0.0.53";
}

export const RESOLV_CONF = "/etc/resolv.conf";
export const SYSTEMD_RESOLV_CONF = "/run/systemd/resolve/resolv.conf";

/** What a container with a network of its own, on the default bridge or none, reads as /etc/resolv.conf. */
export function resolvConf(input: ResolvConfInput): string {
  const host = parseResolvConf(input.hostText);
  const { overrides } = input;
  const notes: string[] = [];
  const reachable = (server: string) => isReachable(server, input.ipv6);
  const ownServers = (overrides.nameservers?.length ?? 0) > 0;
  let nameservers = ownServers ? overrides.nameservers! : host.nameservers.filter(reachable);
  if (nameservers.length === 0) {
    nameservers = input.ipv6 ? [...FALLBACK_4, ...FALLBACK_6] : FALLBACK_4;
    notes.push("# Used default nameservers.");
  }
  const conf: ResolvConf = {
    nameservers,
    search: searchDomains(host, overrides),
    options: (overrides.options?.length ?? 0) > 0 ? overrides.options! : host.options,
    other: host.other,
  };
  return `${HEADER}${print(conf)}\n# Based on host file: '${input.hostPath}' (legacy)\n${[
    ...notes,
    overridesNote(overrides),
  ].join("\n")}\n`;
}

/** Where a container on a user-defined network sends what none of its neighbours is called. */
export interface ExternalServers {
  readonly servers: readonly string[];
  /** They are the host's own, and asked from there: some are on its loopback. */
  readonly fromHost: boolean;
}

/** Docker's order: what the user says, what the host has, what everybody reaches. */
export function externalServers(input: Pick<ResolvConfInput, "hostText" | "overrides">): ExternalServers {
  const own = input.overrides.nameservers ?? [];
  if (own.length > 0) return { servers: own, fromHost: false };
  const servers = parseResolvConf(input.hostText).nameservers.filter(
    (server) => tryParseAddress(server.split("%", 1)[0]!) !== undefined,
  );
  return { servers: servers.length > 0 ? servers : FALLBACK_4, fromHost: true };
}

/** What a container on a user-defined network reads: its name server is the engine. */
export function internalResolvConf(input: Omit<ResolvConfInput, "ipv6">, nameserver: string): string {
  const host = parseResolvConf(input.hostText);
  const { overrides } = input;
  const { servers, fromHost } = externalServers(input);
  const options = (overrides.options?.length ?? 0) > 0 ? overrides.options! : host.options;
  const hasNdots = options.some((option) => option.startsWith("ndots:"));
  const conf: ResolvConf = {
    nameservers: [nameserver],
    search: searchDomains(host, overrides),
    // A name without a dot is a neighbour's: it is asked as it is before search domains are tried.
    options: hasNdots ? options : [...options, "ndots:0"],
    other: host.other,
  };
  const notes = [
    `# Based on host file: '${input.hostPath}' (internal resolver)`,
    `# ExtServers: [${servers.map((server) => (fromHost ? `host(${server})` : server)).join(" ")}]`,
    overridesNote(overrides),
    ...(hasNdots ? [] : ["# Option ndots from: internal"]),
  ];
  return `${HEADER}${print(conf)}\n${notes.join("\n")}\n`;
}

/** With `--network host` the host's own file, unless the user asks for something else. */
export function hostResolvConf(input: ResolvConfInput): string {
  const { overrides } = input;
  const host = parseResolvConf(input.hostText);
  const lists = [overrides.nameservers, overrides.search, overrides.options];
  if (lists.every((list) => (list?.length ?? 0) === 0)) return input.hostText;
  return `${HEADER}${print({
    nameservers: (overrides.nameservers?.length ?? 0) > 0 ? overrides.nameservers! : host.nameservers,
    search: searchDomains(host, overrides),
    options: (overrides.options?.length ?? 0) > 0 ? overrides.options! : host.options,
    other: host.other,
  })}\n# Based on host file: '${input.hostPath}'\n${overridesNote(overrides)}\n`;
}

const HEADER =
  "# Generated by berth.\n# This file can be edited; berth will not make further changes once it\n# has been modified.\n\n";

/** A lone `.` asks for no search domain at all. */
function searchDomains(host: ResolvConf, overrides: DnsOverrides): readonly string[] {
  const asked = overrides.search ?? [];
  if (asked.length === 0) return host.search;
  return asked.length === 1 && asked[0] === "." ? [] : asked;
}

function overridesNote(overrides: DnsOverrides): string {
  const names = (["nameservers", "search", "options"] as const).filter(
    (name) => (overrides[name]?.length ?? 0) > 0,
  );
  return `# Overrides: [${names.join(" ")}]`;
}

function isReachable(server: string, ipv6: boolean): boolean {
  const [text, zone] = server.split("%", 2);
  const address = tryParseAddress(text!);
  if (address === undefined || isLoopback(address)) return false;
  // A zone names an interface of the host, which the container does not have.
  return address.family === 4 || (ipv6 && zone === undefined);
}

export function print(conf: ResolvConf): string {
  const lines = conf.nameservers.map((server) => `nameserver ${server}`);
  if (conf.search.length > 0) lines.push(`search ${conf.search.join(" ")}`);
  if (conf.options.length > 0) lines.push(`options ${conf.options.join(" ")}`);
  return [...lines, ...conf.other].map((line) => `${line}\n`).join("");
}
