import { joinErrors } from "../errors.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Wait until containers stop, and print their exit codes",
  usage: "CONTAINER [CONTAINER...]",
  arity: atLeast(1),
  complete: "containers",
  flags: {},
  async run({ cli, args }) {
    const { containers } = await cli.engine();
    const errors: unknown[] = [];
    for (const ref of args) {
      try {
        cli.line(String((await containers.wait(ref)).StatusCode));
      } catch (error) {
        errors.push(error);
      }
    }
    joinErrors(errors);
  },
});
