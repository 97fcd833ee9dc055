import { string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { inspectAll } from "../show/inspect.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { platformJson } from "../text/platform.ts";

export const command = defineCommand({
  summary: "Show everything about images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arity: atLeast(1),
  complete: "images",
  flags: {
    format: string(SHOW_FORMAT_HELP, { short: "f" }),
    platform: string('Show this variant: "os[/arch[/variant]]"'),
  },
  async run({ cli, args, flags }) {
    const platform = flags.platform === "" ? {} : { platform: platformJson(flags.platform) };
    const { images } = await cli.engine();
    await inspectAll(cli, args, flags.format, (ref) => images.inspectText(ref, platform));
  },
});
