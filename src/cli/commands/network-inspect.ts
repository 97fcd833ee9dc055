import { bool, string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { inspectAll } from "../show/inspect.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Show everything about networks",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  arity: atLeast(1),
  complete: "networks",
  flags: {
    format: string(SHOW_FORMAT_HELP, { short: "f" }),
    verbose: bool("Also show what helps to find faults", { short: "v" }),
  },
  async run({ cli, args, flags }) {
    const { networks } = await cli.engine();
    await inspectAll(cli, args, flags.format, (ref) => networks.inspectText(ref, { verbose: flags.verbose }));
  },
});
