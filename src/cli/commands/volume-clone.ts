import { bool, list, map, string } from "../flags.ts";
import { checkLabel } from "../options/checks.ts";
import { pairsToRecord } from "../options/environment.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Make a new volume with the files of another one",
  usage: "[OPTIONS] VOLUME NEW_VOLUME",
  arity: exactly(2),
  complete: "volumes",
  flags: {
    driver: string("Driver of the new volume", { short: "d", initial: "local" }),
    label: list("Give the new volume a further label", { check: checkLabel }),
    opt: map("Option of the driver", { short: "o" }),
    pause: bool("Let the containers that use the volume stand still meanwhile", {
      short: "p",
      initial: true,
    }),
  },
  async run({ cli, args, flags }) {
    const [source = "", target = ""] = args;
    const request = {
      Name: target,
      Driver: flags.driver,
      DriverOpts: { ...flags.opt },
      Labels: pairsToRecord(flags.label),
    };
    const { Name } = await (await cli.engine()).volumes.clone(source, request, { pause: flags.pause });
    cli.line(Name);
  },
});
