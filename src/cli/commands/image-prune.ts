import { confirm, PRUNE_FLAGS, printPruned, printReclaimed } from "../actions/prune.ts";
import { pruneImages } from "../actions/prunes.ts";
import { bool } from "../flags.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove images that nothing uses",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    all: bool("Remove every image without a container, not only those without a name", { short: "a" }),
    ...PRUNE_FLAGS,
  },
  async run({ cli, flags }) {
    const what = flags.all
      ? "all images without at least one container associated to them"
      : "all dangling images";
    if (!flags.force)
      await confirm(cli, `WARNING! This will remove ${what}.\nAre you sure you want to continue?`);
    const pruned = await pruneImages(cli, flags.filter, flags.all);
    printPruned(cli, pruned);
    printReclaimed(cli, pruned.bytes);
  },
});
