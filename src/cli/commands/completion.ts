import { completionScript, SHELLS } from "../completion/scripts.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Print a shell's completion script: bash, zsh or fish",
  usage: "bash|zsh|fish",
  arity: exactly(1),
  complete: SHELLS,
  flags: {},
  async run({ cli, args }) {
    const shell = SHELLS.find((each) => each === args[0]);
    if (shell === undefined)
      throw new Error(`no completion for ${JSON.stringify(args[0])}: bash, zsh or fish`);
    cli.print(completionScript(shell));
  },
});
