import { bool } from "../flags.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Disconnect a container from a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  arity: exactly(2),
  complete: "networks",
  flags: { force: bool("Disconnect it by force", { short: "f" }) },
  async run({ cli, args, flags }) {
    const [network = "", container = ""] = args;
    await (await cli.engine()).networks.disconnect(network, container, { force: flags.force });
  },
});
