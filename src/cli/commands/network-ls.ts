import { bool, filter, string } from "../flags.ts";
import { networkFormat, networkList } from "../lists/networks.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { naturalOrder } from "../show/natural-order.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "List networks",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    filter: filter("Show only what fulfils a condition (e.g. driver=bridge)"),
    format: string(FORMAT_HELP),
    "no-trunc": bool("Don't shorten what is long"),
    quiet: bool("Only print ids", { short: "q" }),
  },
  async run({ cli, flags }) {
    const format = flags.format || (!flags.quiet && (await cli.config()).networksFormat) || "table";
    const networks = await (await cli.engine()).networks.list(flags.filter);
    const sorted = [...networks].sort((a, b) => naturalOrder(a.Name, b.Name));
    await printList(cli, networkList(!flags["no-trunc"]), networkFormat(format, flags.quiet), sorted);
  },
});
