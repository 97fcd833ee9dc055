import { currentContext } from "../contexts/current.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Print the name of the current context",
  usage: "",
  arity: NO_ARGUMENTS,
  flags: {},
  async run({ cli }) {
    cli.line(await currentContext(cli));
  },
});
