import { string } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Change a cluster's volume",
  usage: "[OPTIONS] [VOLUME]",
  arity: exactly(1),
  complete: "volumes",
  flags: { availability: string("Availability of a cluster's volume", { initial: "active" }) },
  async run({ cli, args }) {
    // An engine without a swarm has no other.
    await (await cli.engine()).volumes.inspect(args[0]!);
    throw new Error("can only update cluster volumes");
  },
});
