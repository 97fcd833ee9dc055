import { DEFAULT_CONTEXT } from "../../sdk/index.ts";
import { updateConfig } from "../actions/config-store.ts";
import { warnOfHost } from "../contexts/current.ts";
import { ContextStore, checkContextName } from "../contexts/store.ts";
import { defineCommand, exactly } from "../spec.ts";

export const command = defineCommand({
  summary: "Set the current context",
  usage: "CONTEXT",
  arity: exactly(1),
  complete: "contexts",
  flags: {},
  async run({ cli, args }) {
    const name = args[0]!;
    const isDefault = name === DEFAULT_CONTEXT;
    if (!isDefault) {
      checkContextName(name);
      await new ContextStore(cli.configDirectory).read(name);
    }
    const { currentContext = "" } = await cli.config();
    if (currentContext !== (isDefault ? "" : name)) {
      await updateConfig(cli.configDirectory, ({ currentContext: _, ...rest }) =>
        isDefault ? rest : { ...rest, currentContext: name },
      );
    }
    cli.line(name);
    cli.note(`Current context is now ${JSON.stringify(name)}`);
    if (!isDefault) warnOfHost(cli, JSON.stringify(name));
  },
});
