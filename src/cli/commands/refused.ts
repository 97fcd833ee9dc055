import { ExitError } from "../errors.ts";
import { atLeast, type Command, defineCommand } from "../spec.ts";

/** A command of Docker's client that berth does not have: it takes whatever Docker's takes, and says why not. */
const refused = (summary: string, reason: string): { command: Command } => ({
  command: defineCommand({
    summary,
    description: `${summary}: ${reason}`,
    usage: "[ARG...]",
    arity: atLeast(0),
    flags: {},
    stopAtFirstArgument: true,
    async run({ name }) {
      throw new ExitError(1, `${name}: ${reason}`);
    },
  }),
});

export const checkpoint = refused("Not there: checkpoints", "berth has no checkpoints of containers");

export const plugin = refused(
  "Not there: plugins of the engine",
  "berth has no plugins of this kind; drivers of volumes that listen on a socket below /run/docker/plugins are used without",
);

export const trust = refused(
  "Not there: content trust",
  "berth neither makes nor checks the signatures of Docker Content Trust; name an image by its digest to get these very bytes",
);

export const swarm = refused("Not there: swarm", "berth has no swarm: run this command on a Docker engine");
