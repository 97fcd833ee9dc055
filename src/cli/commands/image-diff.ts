import { bool, string } from "../flags.ts";
import { imageDiffText } from "../show/image-diff.ts";
import { defineCommand, exactly } from "../spec.ts";
import { shownOn } from "../text/visible.ts";

export const command = defineCommand({
  summary: "Show what is different between two images",
  description: `Show what is different between two images

Configurations, layers and files are compared. Beside names and ids there are
versions: app:1@3 is the third version of app:1 that 'image log' shows, app:1~2
what it was two versions before the present one, app:1~ the one before. Files
are told as by 'diff': A was added, C changed, D deleted.`,
  usage: "[OPTIONS] IMAGE IMAGE",
  arity: exactly(2),
  complete: "images",
  flags: {
    all: bool("Also show files of which only the time of modification is another", { short: "a" }),
    format: string("How to print: 'json' or 'yaml'"),
  },
  async run({ cli, args, flags }) {
    if (!["", "json", "yaml"].includes(flags.format))
      throw new Error(`unsupported format ${JSON.stringify(flags.format)}: there are 'json' and 'yaml'`);
    const diff = await (await cli.engine()).imageVersions.diff(args[0]!, args[1]!);
    if (flags.format === "yaml") {
      const { yamlOf } = await import("../show/yaml.ts");
      cli.print(shownOn(1, await yamlOf(JSON.stringify(diff))));
      return;
    }
    cli.print(
      flags.format === "json" ? shownOn(1, `${JSON.stringify(diff)}\n`) : imageDiffText(diff, flags.all),
    );
  },
});
