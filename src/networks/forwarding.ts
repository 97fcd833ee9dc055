import { log } from "../lib/index.ts";
import { bootId } from "../linux/index.ts";
import type { Family } from "./cidr.ts";
import type { NetworkHost } from "./host.ts";
import type { NetworkStore } from "./records.ts";

const SWITCHES = { 4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding" } as const;

/** What was noted when forwarding was turned on: for this boot, and which interfaces the host had then. */
interface TurnedOn {
  readonly boot: string;
  readonly interfaces: readonly string[];
}

/**
 * Containers need the host to forward. Where it did not, turning it on would make it a router between its other
 * interfaces too, which nobody asked for: their names are returned, for the packet filter to keep apart. Interfaces
 * that come later belong to somebody who knows (a VPN, virtual machines), and are none of our business.
 */
export function enableForwarding(host: NetworkHost, store: NetworkStore, family: Family): readonly string[] {
  const noted = read(store, family);
  if (noted !== undefined) return noted.interfaces;
  if (host.sysctl(SWITCHES[family]) !== "0") return [];
  const interfaces = host.routes
    .links()
    .filter((link) => link.name !== "lo" && link.kind !== "bridge" && link.kind !== "veth")
    .map((link) => link.name);
  if (family === 6) keepRouterAdvertisements(host, interfaces);
  store.setFact(factOf(family), JSON.stringify({ boot: bootId(), interfaces } satisfies TurnedOn));
  if (!host.setSysctl(SWITCHES[family], "1")) {
    log.warn("cannot turn IP forwarding on: containers will not reach other hosts", { family });
  }
  return interfaces;
}

/**
 * A host that forwards IPv6 no longer listens to routers, and would lose its own way out when what it heard runs out,
 * unless it is told to listen all the same (2 instead of 1).
 */
function keepRouterAdvertisements(host: NetworkHost, interfaces: readonly string[]): void {
  for (const name of interfaces) {
    const setting = `ipv6/conf/${name}/accept_ra`;
    if (host.sysctl(setting) === "1") host.setSysctl(setting, "2");
  }
}

/** Puts the switches back, where they were ours and no other bridge on this host may need them by now. */
export function restoreForwarding(host: NetworkHost, store: NetworkStore): void {
  if (host.routes.links().some((link) => link.kind === "bridge")) return;
  for (const family of [4, 6] as const) {
    if (read(store, family) === undefined) continue;
    host.setSysctl(SWITCHES[family], "0");
    store.setFact(factOf(family), "");
  }
}

const factOf = (family: Family) => `forwarding${family}`;

function read(store: NetworkStore, family: Family): TurnedOn | undefined {
  const text = store.fact(factOf(family)) ?? "";
  if (text === "") return undefined;
  const noted = JSON.parse(text) as TurnedOn;
  return noted.boot === bootId() ? noted : undefined;
}
