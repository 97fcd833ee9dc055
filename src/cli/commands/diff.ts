import { defineCommand, exactly } from "../spec.ts";
import { shownOn } from "../text/visible.ts";

/** Kinds 0, 1 and 2 of the API: changed, added, deleted. */
const KINDS = ["C", "A", "D"];

export const command = defineCommand({
  summary: "Show which files a container has changed",
  usage: "CONTAINER",
  arity: exactly(1),
  complete: "all-containers",
  flags: {},
  async run({ cli, args }) {
    const changes = (await (await cli.engine()).containers.changes(args[0]!)) ?? [];
    const lines = changes.map(({ Kind, Path }) => `${KINDS[Kind] ?? "?"} ${Path}\n`);
    cli.print(shownOn(1, lines.join("")));
  },
});
