import { type Family, formatAddress, formatSubnet, isLoopback, isUnspecified } from "../cidr.ts";
import { portKey } from "../ports/requests.ts";
import type { FilteredNetwork, Publication } from "./packet-filter.ts";

/**
 * The rule set of one daemon, as text for nft(8). Pure; `nft.ts` runs it.
 *
 * What grows is in maps and sets, which the kernel searches by hash: a packet meets the same few rules whether
 * ten ports are published or ten thousand, and a port is published by adding an element.
 *
 * Loopback. A connection from the host to 127.0.0.1:8080 has to leave through a bridge, and the kernel sends no
 * packet with a loopback address through a real interface, nor takes one from it. Its switch for that,
 * `route_localnet`, opens the host's own loopback services to whoever is behind the interface, for as long as
 * no rule prevents it (CVE-2020-8558, moby#45610). It is not needed: `loopback_out` gives such packets the
 * bridge's address as their source before connection tracking sees them, and `loopback_in` gives answers their
 * old destination, after the kernel has decided that they are for this host. With all rules gone nothing is
 * open that was closed.
 */
export interface RulesetState {
  readonly table: string;
  readonly networks: Iterable<FilteredNetwork>;
  readonly publications: Iterable<Publication>;
  /** The user's own rules in the chain `user`, one a line. */
  readonly userRules: readonly string[];
  /** By family, interfaces of the host that nothing may be forwarded between. */
  readonly apart: Readonly<Record<Family, Iterable<string>>>;
  /** Whose packets this table is about; those of the other family pass as if it were not there. */
  readonly families: ReadonlySet<Family>;
}

/** Replaces the table as a whole, whatever it held before. */
export function rulesetScript(state: RulesetState): string {
  const networks = [...state.networks];
  const publications = [...state.publications];
  return `add table inet ${state.table}
delete table inet ${state.table}
table inet ${state.table} {
${maps()}
${chains(state)}
}
${[
  ...apartElements(4, state.apart[4]),
  ...apartElements(6, state.apart[6]),
  ...networks.flatMap((network) => networkElements(network)),
  ...elementsOf(publications),
]
  .map((element) => addElement(state.table, element))
  .join("")}`;
}

/** One element of a map or set. */
export interface Element {
  readonly set: string;
  readonly key: string;
  readonly value?: string;
}

export function addElement(table: string, element: Element): string {
  const value = element.value === undefined ? "" : ` : ${element.value}`;
  return `add element inet ${table} ${element.set} { ${element.key}${value} }\n`;
}

export function deleteElement(table: string, element: Element): string {
  return `delete element inet ${table} ${element.set} { ${element.key} }\n`;
}

const FAMILIES = [
  { family: 4, ip: "ip", type: "ipv4_addr" },
  { family: 6, ip: "ip6", type: "ipv6_addr" },
] as const;

function maps(): string {
  const perFamily = FAMILIES.map(
    ({ family, type }) => `  map published${family} {
    comment "protocol, address and port of the host: address and port of the container"
    type inet_proto . ${type} . inet_service : ${type} . inet_service
  }
  map published${family}_any {
    comment "the same for ports published on all of the host's addresses"
    type inet_proto . inet_service : ${type} . inet_service
  }
  set apart${family} {
    comment "interfaces between which the host was no router before"
    type ifname
  }
  set open${family} {
    comment "protocol, address and port of containers that are reached without the host's address"
    type inet_proto . ${type} . inet_service
  }
  set routed${family} {
    comment "bridges whose containers keep their own addresses"
    type ifname
  }
  set unprotected${family} {
    comment "bridges whose containers are reached on all ports"
    type ifname
  }
  set masquerade${family} {
    comment "subnets whose packets leave with the host's address"
    type ${type}
    flags interval
  }`,
  );
  return `${perFamily.join("\n")}
  map loopback4 {
    comment "protocol, loopback address and port: the host's address on the container's network"
    type inet_proto . ipv4_addr . inet_service : ipv4_addr
  }
  map loopback4_any {
    type inet_proto . inet_service : ipv4_addr
  }
  set bridges {
    type ifname
  }
  set isolated {
    comment "bridges whose containers do not reach one another, except by the daemon's sockets"
    type ifname
  }
  set within {
    comment "bridges whose containers reach one another"
    type ifname . ifname
  }
  map into {
    comment "what may enter a network"
    type ifname : verdict
  }
  map out_of {
    comment "networks that not everything may leave"
    type ifname : verdict
  }`;
}

function chains(state: RulesetState): string {
  const others = FAMILIES.filter(({ family }) => !state.families.has(family))
    .map(({ family }) => `    meta nfproto ipv${family} return\n`)
    .join("");
  return `  chain user {
    comment "yours: rules here are kept, come first, and can only forbid"
${state.userRules.map((rule) => `    ${rule}\n`).join("")}  }
  chain loopback_out {
    type filter hook output priority raw; policy accept;
${others}    oifname "lo" ip saddr 127.0.0.1 ip daddr 127.0.0.0/8 jump loopback_source
  }
  chain loopback_source {
    ip saddr set meta l4proto . ip daddr . th dport map @loopback4
    ip saddr set meta l4proto . th dport map @loopback4_any
  }
  chain loopback_in {
    type filter hook input priority 110; policy accept;
${others}    iifname @bridges ct direction reply ct status dnat ct original ip daddr 127.0.0.0/8 ip daddr set 127.0.0.1
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
${others}    iifname "lo" return
    iifname @isolated return
    ip daddr 127.0.0.0/8 drop
    ip6 daddr ::1 drop
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
${others}    ip saddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    fib daddr type local jump publish
  }
  chain publish {
    meta nfproto ipv4 dnat ip to meta l4proto . ip daddr . th dport map @published4
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @published4_any
    meta nfproto ipv6 dnat ip6 to meta l4proto . ip6 daddr . th dport map @published6
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @published6_any
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
${others}${FAMILIES.map(
  ({ family, ip }) => `    ${ip} saddr @masquerade${family} ct status dnat masquerade
    ${ip} saddr @masquerade${family} oifname != @bridges masquerade
`,
).join("")}  }
  chain forward {
    type filter hook forward priority filter; policy accept;
${others}    iifname vmap @out_of
    oifname vmap @into
    iifname @bridges goto user
    meta nfproto ipv4 iifname @apart4 oifname @apart4 drop
    meta nfproto ipv6 iifname @apart6 oifname @apart6 drop
  }
  chain out_of_internal {
    iifname . oifname != @within drop
    jump user
    accept
  }
  chain into_network {
    jump user
    ct state established,related accept
    ct status dnat accept
    iifname . oifname @within accept
    meta l4proto . ip daddr . th dport @open4 accept
    meta l4proto . ip6 daddr . th dport @open6 accept
    oifname @routed4 meta l4proto icmp accept
    oifname @routed6 meta l4proto ipv6-icmp accept
    meta nfproto ipv4 oifname @unprotected4 accept
    meta nfproto ipv6 oifname @unprotected6 accept
    drop
  }
  chain into_internal {
    jump user
    iifname . oifname @within accept
    drop
  }`;
}

export function apartElements(family: Family, interfaces: Iterable<string>): Element[] {
  return [...interfaces].map((name) => ({ set: `apart${family}`, key: JSON.stringify(name) }));
}

/** What a network adds to the sets. */
export function networkElements(network: FilteredNetwork): Element[] {
  const name = JSON.stringify(network.bridge);
  const elements: Element[] = [
    { set: "bridges", key: name },
    { set: "into", key: name, value: `goto ${network.internal ? "into_internal" : "into_network"}` },
  ];
  if (network.internal) elements.push({ set: "out_of", key: name, value: "goto out_of_internal" });
  // Ports of such a bridge are isolated, so a published port of a neighbour cannot be led to within the bridge.
  if (network.icc) elements.push({ set: "within", key: `${name} . ${name}` });
  else elements.push({ set: "isolated", key: name });
  if (network.internal) return elements;
  for (const { family } of FAMILIES) {
    const mode = network.gatewayModes?.[family] ?? "nat";
    if (mode === "routed") elements.push({ set: `routed${family}`, key: name });
    if (mode === "nat-unprotected") elements.push({ set: `unprotected${family}`, key: name });
    if (mode === "routed" || !network.masquerade) continue;
    for (const subnet of network.subnets) {
      if (subnet.family === family) elements.push({ set: `masquerade${family}`, key: formatSubnet(subnet) });
    }
  }
  return elements;
}

/** What a published port adds to the maps: the way in and, in IPv4, the host's own way by loopback. */
export function publicationElements(publication: Publication): Element[] {
  const { container, hostAddress, hostPort, address } = publication;
  const family: Family = hostAddress.family;
  if (hostPort === 0) {
    return [
      { set: `open${family}`, key: `${container.protocol} . ${formatAddress(address)} . ${container.port}` },
    ];
  }
  const everywhere = isUnspecified(hostAddress);
  const host = everywhere ? "" : `${formatAddress(hostAddress)} . `;
  const key = `${container.protocol} . ${host}${hostPort}`;
  const suffix = everywhere ? "_any" : "";
  const target = `${formatAddress(address)} . ${container.port}`;
  const elements: Element[] = [];
  // [::1] is served by the daemon's own socket: the kernel has no such trick for IPv6.
  if (family === 4 || !isLoopback(hostAddress)) {
    elements.push({ set: `published${family}${suffix}`, key, value: target });
  }
  if (family === 4 && (everywhere || isLoopback(hostAddress))) {
    elements.push({ set: `loopback4${suffix}`, key, value: formatAddress(publication.gateway) });
  }
  return elements;
}

/** What two publications have in common if only one of them can be. */
export function publicationKey(publication: Publication): string {
  if (publication.hostPort === 0) {
    return `open ${portKey(publication.container)} ${formatAddress(publication.address)}`;
  }
  return `${portKey({ port: publication.hostPort, protocol: publication.container.protocol })} ${formatAddress(publication.hostAddress)}`;
}

function elementsOf(publications: readonly Publication[]): Element[] {
  return publications.flatMap((publication) => publicationElements(publication));
}
