import { confirm, PRUNE_FLAGS, printPruned } from "../actions/prune.ts";
import { pruneNetworks } from "../actions/prunes.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

const WARNING =
  "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?";

export const command = defineCommand({
  summary: "Remove networks that nothing uses",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: PRUNE_FLAGS,
  async run({ cli, flags }) {
    if (!flags.force) await confirm(cli, WARNING);
    printPruned(cli, await pruneNetworks(cli, flags.filter));
  },
});
