import type { HolderOf } from "./elsewhere.ts";
import type { PacketFilter } from "./packet-filter.ts";

/**
 * For daemon.json's `"iptables": false`: the user's own rules are all there is. Published ports are still served, by the
 * daemon's sockets.
 */
export class NoFilter implements PacketFilter {
  async open(): Promise<void> {}
  async keepApart(): Promise<void> {}
  async addNetwork(): Promise<void> {}
  async removeNetwork(): Promise<void> {}
  async publish(): Promise<void> {}
  async unpublish(): Promise<void> {}
  elsewhere(): HolderOf {
    return () => undefined;
  }
  async verify(): Promise<boolean> {
    return false;
  }
  async close(): Promise<void> {}
}
