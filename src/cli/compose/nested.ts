import type { Values } from "../flags.ts";
import { parseArguments } from "../parse.ts";
import type { Nested } from "../tree.ts";
import { COMMANDS } from "./commands.ts";
import { COMPOSE_FLAGS } from "./flags.ts";
import { composeHelp } from "./help.ts";
import { Session } from "./session.ts";

/** What help and completion of the client know of the commands of `compose`. */
export const nested: Nested = {
  commands: COMMANDS,
  help: composeHelp,
  async argumentNames(cli, words) {
    try {
      const { values, args, changed } = parseArguments(words, COMPOSE_FLAGS, { stopAtFirstArgument: true });
      const { command } = await COMMANDS[args[0]!]!.load();
      if (!command.usage.includes("SERVICE")) return [];
      const session = new Session(cli, values as Values<typeof COMPOSE_FLAGS>, (flag) => changed.has(flag));
      const { services, disabled } = await session.load({ resolveEnvironment: false, warn: () => {} });
      return [...Object.keys(services), ...Object.keys(disabled)].sort();
    } catch {
      // Whoever completes a word is not to read what is wrong with a file.
      return [];
    }
  },
};
