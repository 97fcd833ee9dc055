import { confirm, PRUNE_FLAGS, printPruned, printReclaimed } from "../actions/prune.ts";
import { pruneContainers } from "../actions/prunes.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove all stopped containers",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: PRUNE_FLAGS,
  async run({ cli, flags }) {
    if (!flags.force) {
      await confirm(
        cli,
        "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?",
      );
    }
    const pruned = await pruneContainers(cli, flags.filter);
    printPruned(cli, pruned);
    printReclaimed(cli, pruned.bytes);
  },
});
