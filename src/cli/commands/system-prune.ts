import type { Filters } from "../../sdk/index.ts";
import { confirm, PRUNE_FLAGS, printPruned, printReclaimed, pruneFilters } from "../actions/prune.ts";
import {
  pruneBuildCache,
  pruneContainers,
  pruneImages,
  pruneNetworks,
  pruneVolumes,
} from "../actions/prunes.ts";
import { bool } from "../flags.ts";
import { naturalOrder } from "../show/natural-order.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Remove what nothing uses",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    all: bool("Remove every image without a container, not only those without a name", { short: "a" }),
    ...PRUNE_FLAGS,
    volumes: bool("Remove anonymous volumes too"),
  },
  async run({ cli, flags }) {
    if (flags.volumes && flags.filter["until"] !== undefined) {
      throw new Error('ERROR: The "until" filter is not supported with "--volumes"');
    }
    if (!flags.force) await confirm(cli, warning(flags, await pruneFilters(cli, flags.filter)));
    // In this order: what goes first may have been the last user of what follows.
    const steps = [
      () => pruneContainers(cli, flags.filter),
      () => pruneNetworks(cli, flags.filter),
      ...(flags.volumes ? [() => pruneVolumes(cli, flags.filter, false)] : []),
      () => pruneImages(cli, flags.filter, flags.all),
      () => pruneBuildCache(cli, flags.filter, flags.all),
    ];
    let bytes = 0;
    for (const step of steps) {
      const pruned = await step();
      bytes += pruned.bytes;
      printPruned(cli, pruned);
    }
    printReclaimed(cli, bytes);
  },
});

function warning(flags: { readonly all: boolean; readonly volumes: boolean }, filters: Filters): string {
  const lost = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(flags.volumes ? ["all anonymous volumes not used by at least one container"] : []),
    flags.all ? "all images without at least one container associated to them" : "all dangling images",
    flags.all ? "all build cache" : "unused build cache",
  ];
  const conditions = ["label", "label!", "until"]
    .flatMap((name) => (filters[name] ?? []).map((value) => `${name}=${value}`))
    .sort(naturalOrder);
  const filtered =
    conditions.length === 0
      ? ""
      : `\n  Items to be pruned will be filtered with:\n${conditions.map((each) => `  - ${each}`).join("\n")}\n`;
  return `WARNING! This will remove:\n${lost.map((each) => `  - ${each}`).join("\n")}\n${filtered}\nAre you sure you want to continue?`;
}
