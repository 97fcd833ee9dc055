import { joinErrors } from "../errors.ts";
import { bool } from "../flags.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove volumes that no container uses",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  arity: atLeast(1),
  complete: "volumes",
  flags: { force: bool("Do not complain about volumes that do not exist", { short: "f" }) },
  async run({ cli, args, flags }) {
    const { volumes } = await cli.engine();
    const errors: unknown[] = [];
    for (const name of args) {
      try {
        await volumes.remove(name, { force: flags.force });
        cli.line(name);
      } catch (error) {
        errors.push(error);
      }
    }
    joinErrors(errors);
  },
});
