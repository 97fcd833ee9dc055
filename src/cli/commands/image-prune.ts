import { confirm, PRUNE_FLAGS, printPruned, printReclaimed } from "../actions/prune.ts";
import { pruneImages, pruneImageVersions } from "../actions/prunes.ts";
import { bool } from "../flags.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove images that nothing uses",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    all: bool("Remove every image without a container, not only those without a name", { short: "a" }),
    ...PRUNE_FLAGS,
    versions: bool("Remove earlier versions of names, and the images that are kept for them alone"),
  },
  async run({ cli, flags }) {
    if (flags.versions && flags.all) throw new Error("conflicting options: either --all or --versions");
    const what = flags.versions
      ? "all versions of images but those in use, and the images that are kept for them alone"
      : flags.all
        ? "all images without at least one container associated to them"
        : "all dangling images";
    if (!flags.force)
      await confirm(cli, `WARNING! This will remove ${what}.\nAre you sure you want to continue?`);
    const pruned = flags.versions
      ? await pruneImageVersions(cli, flags.filter)
      : await pruneImages(cli, flags.filter, flags.all);
    printPruned(cli, pruned);
    printReclaimed(cli, pruned.bytes);
  },
});
