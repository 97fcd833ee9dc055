import { bool } from "../flags.ts";
import { between, defineCommand } from "../spec.ts";
import { parseUint } from "../text/numbers.ts";

export const command = defineCommand({
  summary: "Point an image's name at what it was before",
  description: `Point an image's name at what it was before

VERSION is a number that 'image log' shows; without one it is the image before
the present one. The move is a version itself, and can be undone in the same
way. Containers keep the image that they were made from.`,
  usage: "[OPTIONS] NAME[:TAG] [VERSION]",
  arity: between(1, 2),
  complete: "images",
  flags: { quiet: bool("Only print the image's id", { short: "q" }) },
  async run({ cli, args, flags }) {
    const [name = "", version] = args;
    const number = version === undefined ? undefined : versionNumber(version);
    const done = await (await cli.engine()).imageVersions.rollBack(name, number);
    if (flags.quiet) cli.line(done.Image);
    else {
      cli.line(
        `${done.Name} is as in version ${done.Restored} again: ${done.Image.slice(0, 19)} (version ${done.Number})`,
      );
    }
  },
});

function versionNumber(text: string): number {
  try {
    return parseUint(text, 64);
  } catch {
    throw new Error(`invalid version ${JSON.stringify(text)}: 'image log' numbers the versions`);
  }
}
