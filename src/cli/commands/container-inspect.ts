import { bool, string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { inspectAll } from "../show/inspect.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Show everything about containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: atLeast(1),
  complete: "all-containers",
  flags: {
    format: string(SHOW_FORMAT_HELP, { short: "f" }),
    size: bool("Also show sizes", { short: "s" }),
  },
  async run({ cli, args, flags }) {
    const { containers } = await cli.engine();
    await inspectAll(cli, args, flags.format, (ref) => containers.inspectText(ref, { size: flags.size }));
  },
});
