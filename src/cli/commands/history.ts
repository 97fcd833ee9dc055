import { bool, string } from "../flags.ts";
import { historyList } from "../lists/history.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { defineCommand, exactly } from "../spec.ts";
import { platformJson } from "../text/platform.ts";

export const command = defineCommand({
  summary: "Show how an image came to be",
  usage: "[OPTIONS] IMAGE",
  arity: exactly(1),
  complete: "images",
  flags: {
    format: string(FORMAT_HELP),
    human: bool("Print sizes and times as people say them", { short: "H", initial: true }),
    "no-trunc": bool("Don't shorten what is long"),
    platform: string('Show the history of this variant: "os[/arch[/variant]]"'),
    quiet: bool("Only print ids", { short: "q" }),
  },
  async run({ cli, args, flags }) {
    const platform = flags.platform === "" ? {} : { platform: platformJson(flags.platform) };
    const items = await (await cli.engine()).images.history(args[0]!, platform);
    await printList(cli, historyList(!flags["no-trunc"], flags.human), formatOf(flags), items);
  },
});

function formatOf(flags: {
  readonly format: string;
  readonly quiet: boolean;
  readonly human: boolean;
}): string {
  if (flags.format !== "" && flags.format !== "table") return flags.format;
  if (flags.quiet) return "{{.ID}}";
  return `table {{.ID}}\t{{.Created${flags.human ? "Since" : "At"}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`;
}
