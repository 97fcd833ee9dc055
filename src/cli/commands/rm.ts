import { kindOf } from "../../lib/index.ts";
import { allFlag, chosenContainers, oneOrAll, startAll } from "../actions/each.ts";
import { describeError, joinErrors } from "../errors.ts";
import { bool } from "../flags.ts";
import { defineCommand } from "../spec.ts";

const STOPPED = ["created", "exited", "dead"] as const;
const ANY = [...STOPPED, "running", "paused", "restarting", "removing"] as const;

export const command = defineCommand({
  summary: "Remove containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: oneOrAll,
  complete: "all-containers",
  flags: {
    all: allFlag("Remove every stopped container, and with --force every container", "a"),
    force: bool("Also remove containers that run, which are killed", { short: "f" }),
    link: bool("Remove the link of this name, not the container", { short: "l" }),
    volumes: bool("Also remove the container's anonymous volumes", { short: "v" }),
  },
  async run({ cli, args, flags }) {
    const { containers } = await cli.engine();
    const { force, link, volumes } = flags;
    const refs = await chosenContainers(cli, args, flags.all, force ? ANY : STOPPED);
    const remove = async (ref: string) => {
      const name = ref.replace(/^\/+|\/+$/g, "");
      if (name === "") throw new Error("container name cannot be empty");
      await containers.remove(name, { force, link, volumes });
    };
    const errors: unknown[] = [];
    for (const outcome of startAll(refs, remove)) {
      const { ref, error } = await outcome;
      if (error === undefined) cli.line(ref);
      // Whoever forces a removal wants the container gone, which it is.
      else if (force && kindOf(error) === "NotFound") cli.note(describeError(error));
      else errors.push(error);
    }
    joinErrors(errors);
  },
});
