import { allFlag, chosenContainers, forEach, oneOrAll } from "../actions/each.ts";
import { readTimeout, STOP_FLAGS } from "../actions/stop-flags.ts";
import { defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Stop containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: oneOrAll,
  complete: "containers",
  flags: { all: allFlag("Stop every container that runs", "a"), ...STOP_FLAGS },
  async run({ cli, args, flags, changed }) {
    const options = readTimeout(flags, changed);
    const { containers } = await cli.engine();
    const refs = await chosenContainers(cli, args, flags.all, ["running", "paused", "restarting"]);
    await forEach(cli, refs, (ref) => containers.stop(ref, options));
  },
});
