import { allFlag, chosenContainers, forEach, oneOrAll } from "../actions/each.ts";
import { defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Let paused containers go on",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: oneOrAll,
  complete: "containers",
  flags: { all: allFlag("Unpause every container that is paused", "a") },
  async run({ cli, args, flags }) {
    const { containers } = await cli.engine();
    const refs = await chosenContainers(cli, args, flags.all, ["paused"]);
    await forEach(cli, refs, (ref) => containers.unpause(ref));
  },
});
