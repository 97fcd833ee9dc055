import { string } from "../flags.ts";
import { between, defineCommand } from "../spec.ts";
import { NO_CLUSTER } from "../text/messages.ts";

export const command = defineCommand({
  summary: "Change a cluster's volume",
  usage: "[OPTIONS] [VOLUME]",
  arity: between(0, 1),
  complete: "volumes",
  flags: { availability: string("Availability of a cluster's volume", { initial: "active" }) },
  async run() {
    throw new Error(`Can only update cluster volumes: ${NO_CLUSTER}`);
  },
});
