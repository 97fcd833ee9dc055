import { alignColumns } from "../show/table.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { shownOn } from "../text/visible.ts";

export const command = defineCommand({
  summary: "Show the processes of a container",
  usage: "CONTAINER [ps OPTIONS]",
  arity: atLeast(1),
  stopAtFirstArgument: true,
  complete: "containers",
  flags: {},
  async run({ cli, args }) {
    const [ref = "", ...psArguments] = args;
    const { Titles, Processes } = await (await cli.engine()).containers.top(ref, psArguments);
    const lines = [Titles, ...(Processes ?? [])].map((cells) => `${cells.join("\t")}\n`);
    cli.print(alignColumns(shownOn(1, lines.join("")), 20));
  },
});
