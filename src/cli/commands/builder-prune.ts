import { confirm, PRUNE_FLAGS, printPruned, printReclaimed } from "../actions/prune.ts";
import { pruneBuildCache } from "../actions/prunes.ts";
import { bool, bytes } from "../flags.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove what builds have kept",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    all: bool("Remove what images need as well, and what only the builder knows of", { short: "a" }),
    ...PRUNE_FLAGS,
    "keep-storage": bytes("The same as --reserved-space", { hidden: true }),
    "max-used-space": bytes("Remove no more than what is above this size"),
    "min-free-space": bytes("Remove no more than until the disk has so much left"),
    "reserved-space": bytes("Always keep so much of the cache"),
  },
  async run({ cli, flags }) {
    const what = flags.all ? "all build cache" : "all dangling build cache";
    if (!flags.force)
      await confirm(cli, `WARNING! This will remove ${what}.\nAre you sure you want to continue?`);
    const pruned = await pruneBuildCache(cli, flags.filter, flags.all, {
      reservedBytes: flags["reserved-space"] || flags["keep-storage"],
      maxUsedBytes: flags["max-used-space"],
      minFreeBytes: flags["min-free-space"],
    });
    printPruned(cli, pruned);
    printReclaimed(cli, pruned.bytes);
  },
});
