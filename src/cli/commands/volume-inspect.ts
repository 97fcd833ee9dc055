import { string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { inspectAll } from "../show/inspect.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Show everything about volumes",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  arity: atLeast(1),
  complete: "volumes",
  flags: {
    format: string(SHOW_FORMAT_HELP, { short: "f" }),
  },
  async run({ cli, args, flags }) {
    const { volumes } = await cli.engine();
    await inspectAll(cli, args, flags.format, (ref) => volumes.inspectText(ref));
  },
});
