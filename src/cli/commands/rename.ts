import { describeError } from "../errors.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Rename a container",
  usage: "CONTAINER NEW_NAME",
  arity: exactly(2),
  complete: "all-containers",
  flags: {},
  async run({ cli, args }) {
    const [from = "", to = ""] = args.map((arg) => arg.trim());
    if (from === "" || to === "") throw new Error("Error: Neither old nor new names may be empty");
    try {
      await (await cli.engine()).containers.rename(from, to);
    } catch (error) {
      cli.note(describeError(error));
      throw new Error(`Error: failed to rename container named ${from}`, { cause: error });
    }
  },
});
