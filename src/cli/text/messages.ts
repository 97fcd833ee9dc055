/** Why something of a swarm's is refused. */
export const NO_CLUSTER = "berth is no part of a cluster, and has no cluster volumes";
