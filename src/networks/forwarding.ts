import { log } from "../lib/index.ts";
import { bootId } from "../linux/index.ts";
import type { NetworkHost } from "./host.ts";
import type { NetworkStore } from "./records.ts";

const SWITCH = "ipv4/ip_forward";
const FACT = "forwarding";

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
export function enableForwarding(host: NetworkHost, store: NetworkStore): readonly string[] {
  const noted = read(store);
  if (noted !== undefined) return noted.interfaces;
  if (host.sysctl(SWITCH) !== "0") return [];
  const interfaces = host.routes
    .links()
    .filter((link) => link.name !== "lo" && link.kind !== "bridge" && link.kind !== "veth")
    .map((link) => link.name);
  store.setFact(FACT, JSON.stringify({ boot: bootId(), interfaces } satisfies TurnedOn));
  if (!host.setSysctl(SWITCH, "1")) {
    log.warn("cannot turn IP forwarding on: containers will not reach other hosts");
  }
  return interfaces;
}

/** Puts the switch back, where it was ours and no other bridge on this host may need it by now. */
export function restoreForwarding(host: NetworkHost, store: NetworkStore): void {
  if (read(store) === undefined) return;
  if (host.routes.links().some((link) => link.kind === "bridge")) return;
  host.setSysctl(SWITCH, "0");
  store.setFact(FACT, "");
}

function read(store: NetworkStore): TurnedOn | undefined {
  const text = store.fact(FACT) ?? "";
  if (text === "") return undefined;
  const noted = JSON.parse(text) as TurnedOn;
  return noted.boot === bootId() ? noted : undefined;
}
