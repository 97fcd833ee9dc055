import { allFlag, chosenContainers, forEach, oneOrAll } from "../actions/each.ts";
import { defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Freeze all processes of containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: oneOrAll,
  complete: "containers",
  flags: { all: allFlag("Pause every container that runs", "a") },
  async run({ cli, args, flags }) {
    const { containers } = await cli.engine();
    const refs = await chosenContainers(cli, args, flags.all, ["running"]);
    await forEach(cli, refs, (ref) => containers.pause(ref));
  },
});
