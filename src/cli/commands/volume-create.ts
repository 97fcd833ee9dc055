import { bytes, type Flag, list, map, string } from "../flags.ts";
import { checkLabel } from "../options/checks.ts";
import { pairsToRecord } from "../options/environment.ts";
import { between, defineCommand } from "../spec.ts";
import { NO_CLUSTER } from "../text/messages.ts";

/** Flags that only a cluster's volumes have. */
const CLUSTER_FLAGS = {
  availability: string("Availability of a cluster's volume", { initial: "active" }),
  group: string("Group of a cluster's volume"),
  "limit-bytes": bytes("Least size of a cluster's volume"),
  "required-bytes": bytes("Greatest size of a cluster's volume"),
  scope: string("Who may use a cluster's volume", { initial: "single" }),
  secret: map("Secret of a cluster's volume"),
  sharing: string("How a cluster's volume is shared", { initial: "none" }),
  "topology-preferred": list("Where a cluster's volume is best"),
  "topology-required": list("Where a cluster's volume must be"),
  type: string("How a cluster's volume is reached", { initial: "block" }),
} satisfies Record<string, Flag>;

export const command = defineCommand({
  summary: "Create a volume",
  usage: "[OPTIONS] [VOLUME]",
  arity: between(0, 1),
  flags: {
    ...CLUSTER_FLAGS,
    driver: string("Driver of the volume", { short: "d", initial: "local" }),
    label: list("Give the volume a label", { check: checkLabel }),
    name: string("Name of the volume", { hidden: true }),
    opt: map("Option of the driver", { short: "o" }),
  },
  async run({ cli, args, flags, changed }) {
    const cluster = (Object.keys(CLUSTER_FLAGS) as (keyof typeof CLUSTER_FLAGS)[]).find((name) =>
      changed(name),
    );
    if (cluster !== undefined) throw new Error(`--${cluster}: ${NO_CLUSTER}`);
    if (args[0] !== undefined && flags.name !== "") {
      throw new Error(
        "conflicting options: cannot specify a volume-name through both --name and as a positional arg",
      );
    }
    const { Name } = await (await cli.engine()).volumes.create({
      Name: args[0] ?? flags.name,
      Driver: flags.driver,
      DriverOpts: { ...flags.opt },
      Labels: pairsToRecord(flags.label),
    });
    cli.line(Name);
  },
});
