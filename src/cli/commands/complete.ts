import { complete } from "../completion/candidates.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Complete a command line, for the scripts that completion prints",
  usage: "-- WORD...",
  arity: atLeast(0),
  stopAtFirstArgument: true,
  flags: {},
  async run({ cli, args }) {
    const { candidates, files } = await complete(cli, args);
    const lines = candidates.map(({ text, description }) =>
      description === undefined ? text : `${text}\t${description}`,
    );
    cli.print([...lines, ...(files ? [":files"] : [])].map((line) => `${line}\n`).join(""));
  },
});
