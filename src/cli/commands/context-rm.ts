import { DEFAULT_CONTEXT } from "../../sdk/index.ts";
import { updateConfig } from "../actions/config-store.ts";
import type { Cli } from "../cli.ts";
import { currentContext } from "../contexts/current.ts";
import { ContextStore } from "../contexts/store.ts";
import { joinErrors } from "../errors.ts";
import { bool } from "../flags.ts";
import { atLeast, defineCommand } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove contexts",
  usage: "CONTEXT [CONTEXT...]",
  arity: atLeast(1),
  complete: "contexts",
  flags: { force: bool("Remove a context that is in use, too", { short: "f" }) },
  async run({ cli, args, flags }) {
    const errors: unknown[] = [];
    for (const name of args) {
      try {
        await remove(cli, name, flags.force);
        cli.line(name);
      } catch (error) {
        errors.push(error);
      }
    }
    joinErrors(errors);
  },
});

async function remove(cli: Cli, name: string, force: boolean): Promise<void> {
  if (name === DEFAULT_CONTEXT) throw new Error(`context "${name}" cannot be removed`);
  const store = new ContextStore(cli.configDirectory);
  if (name === (await currentContext(cli))) {
    if (!force) throw new Error(`context "${name}" is in use, set -f flag to force remove`);
    await updateConfig(cli.configDirectory, ({ currentContext: _, ...rest }) => rest);
  }
  if (!force && !(await store.exists(name))) throw new Error(`context "${name}" does not exist`);
  await store.remove(name);
}
