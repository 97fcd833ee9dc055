import { atLeast, defineCommand } from "../spec.ts";
import { COMPOSE_FLAGS } from "./flags.ts";

/** `berth compose`: its own flags, then a command of its own with that one's flags. */
export const command = defineCommand({
  summary: "Run an application of many containers, as a Compose file describes it",
  usage: "[OPTIONS] COMMAND",
  arity: atLeast(0),
  stopAtFirstArgument: true,
  flags: COMPOSE_FLAGS,
  async run({ cli, args, flags, changed }) {
    const { runCompose } = await import("./dispatch.ts");
    return runCompose({ cli, args, flags, changed });
  },
});
