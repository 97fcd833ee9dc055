import { kindOf } from "../../lib/index.ts";
import { describeError, ExitError } from "../errors.ts";
import { bool, strings } from "../flags.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { platformJson } from "../text/platform.ts";

export const command = defineCommand({
  summary: "Remove images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arity: atLeast(1),
  complete: "images",
  flags: {
    force: bool("Remove it also where a stopped container uses it", { short: "f" }),
    "no-prune": bool("Keep parents that have no name"),
    platform: strings('Remove only this variant: "os[/arch[/variant]]"'),
  },
  async run({ cli, args, flags }) {
    const platforms = flags.platform.map(platformJson);
    const { images } = await cli.engine();
    const errors: unknown[] = [];
    for (const ref of args) {
      try {
        const done = await images.remove(ref, { force: flags.force, noPrune: flags["no-prune"], platforms });
        for (const { Deleted, Untagged } of done)
          cli.line(Deleted ? `Deleted: ${Deleted}` : `Untagged: ${Untagged}`);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 0) return;
    const text = errors.map(describeError).join("\n");
    const onlyMissing = errors.every((error) => kindOf(error) === "NotFound");
    if (!flags.force || !onlyMissing) throw new ExitError(1, text);
    cli.note(text);
  },
});
