import { allFlag, chosenContainers, forEach, oneOrAll } from "../actions/each.ts";
import { string } from "../flags.ts";
import { defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Send a signal to containers, SIGKILL unless told",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: oneOrAll,
  complete: "containers",
  flags: {
    all: allFlag("Kill every container that runs", "a"),
    signal: string("Signal to send", { short: "s", complete: "signals" }),
  },
  async run({ cli, args, flags }) {
    const { containers } = await cli.engine();
    const refs = await chosenContainers(cli, args, flags.all, ["running", "paused"]);
    await forEach(cli, refs, (ref) => containers.kill(ref, flags.signal));
  },
});
