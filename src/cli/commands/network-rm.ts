import { kindOf } from "../../lib/index.ts";
import { describeError, ExitError } from "../errors.ts";
import { bool } from "../flags.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove networks",
  usage: "NETWORK [NETWORK...]",
  arity: atLeast(1),
  complete: "networks",
  flags: { force: bool("Do not complain about networks that do not exist", { short: "f" }) },
  async run({ cli, args, flags }) {
    const { networks } = await cli.engine();
    let failed = false;
    for (const ref of args) {
      try {
        await networks.remove(ref);
        cli.line(ref);
      } catch (error) {
        if (flags.force && kindOf(error) === "NotFound") continue;
        cli.note(describeError(error));
        failed = true;
      }
    }
    if (failed) throw new ExitError(1);
  },
});
