import { confirm, PRUNE_FLAGS, printPruned, printReclaimed } from "../actions/prune.ts";
import { pruneVolumes } from "../actions/prunes.ts";
import { bool } from "../flags.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove anonymous volumes that nothing uses",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: { all: bool("Remove named volumes too", { short: "a" }), ...PRUNE_FLAGS },
  async run({ cli, flags }) {
    const what = flags.all ? "all local volumes" : "anonymous local volumes";
    if (!flags.force) {
      const warning = `WARNING! This will remove ${what} not used by at least one container.`;
      await confirm(cli, `${warning}\nAre you sure you want to continue?`);
    }
    const pruned = await pruneVolumes(cli, flags.filter, flags.all);
    printPruned(cli, pruned);
    printReclaimed(cli, pruned.bytes);
  },
});
