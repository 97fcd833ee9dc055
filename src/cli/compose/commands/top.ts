import type { observe } from "../../../compose/index.ts";
import { alignColumns } from "../../show/table.ts";
import { atLeast } from "../../spec.ts";
import { shownOn } from "../../text/visible.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show the processes of containers",
  usage: "[SERVICES...]",
  arity: atLeast(0),
  flags: {},
  async run({ cli, session, args }) {
    const project = await session.projectName();
    const { observe } = await compose();
    const lines = tableOf(await observe.processes(await session.engine(), project, args));
    if (lines.length === 0) return;
    cli.print(alignColumns(shownOn(1, lines.map((cells) => `${cells.join("\t")}\n`).join("")), 4, 2));
  },
});

/** Containers may show different columns: all of them, the command last. No lines where there is no process. */
export function tableOf(containers: readonly observe.ContainerProcesses[]): readonly (readonly string[])[] {
  const titles = new Set(
    containers.filter(({ processes }) => processes.length > 0).flatMap(({ titles }) => titles),
  );
  const columns = [...titles].sort((a, b) => Number(a === "CMD") - Number(b === "CMD"));
  const rows = containers.flatMap(({ service, number, titles: own, processes }) =>
    processes.map((cells) => [service, number, ...columns.map((title) => cells[own.indexOf(title)] ?? "-")]),
  );
  return rows.length === 0 ? [] : [["SERVICE", "#", ...columns], ...rows];
}
