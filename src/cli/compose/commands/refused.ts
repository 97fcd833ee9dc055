import { ExitError } from "../../errors.ts";
import { atLeast } from "../../spec.ts";
import { type ComposeCommand, defineCompose } from "../spec.ts";

/** A command of Docker Compose that berth does not have: it takes whatever that one takes, and says why not. */
const refused = (name: string, summary: string, reason: string): { command: ComposeCommand } => ({
  command: defineCompose({
    summary: `Not there: ${summary}`,
    description: `Not there: ${summary}: ${reason}`,
    usage: "[ARG...]",
    arity: atLeast(0),
    flags: {},
    stopAtFirstArgument: true,
    async run() {
      throw new ExitError(1, `berth compose ${name}: ${reason}`);
    },
  }),
});

export const publish = refused(
  "publish",
  "Compose files in registries",
  "berth puts no Compose files into registries: share the file itself, `berth compose config` prints one that stands alone",
);

export const bridge = refused(
  "bridge",
  "other models made from Compose files",
  "berth makes no Kubernetes manifests or Helm charts of a Compose file: give the output of `berth compose config` to a tool that does",
);
