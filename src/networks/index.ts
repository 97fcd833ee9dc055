/** Bridges, addresses, published ports and names. */
export { checkNetworksConfig, type NetworksConfig } from "./config.ts";
export { Networks, type NetworksOptions } from "./networks.ts";
export type { AttachRequest, Joined, LinkRequest, LiveProcess, NetworkSandbox } from "./sandbox.ts";
