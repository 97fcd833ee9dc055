import { bool, filter, string } from "../flags.ts";
import { VOLUME_LIST, volumeFormat } from "../lists/volumes.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { naturalOrder } from "../show/natural-order.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { NO_CLUSTER } from "../text/messages.ts";

export const command = defineCommand({
  summary: "List volumes",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    cluster: bool("Show only a cluster's volumes"),
    filter: filter("Show only what fulfils a condition (e.g. dangling=true)"),
    format: string(FORMAT_HELP),
    quiet: bool("Only print names", { short: "q" }),
    size: bool("Show how much is in each volume, and how many containers use it", { short: "s" }),
  },
  async run({ cli, flags }) {
    if (flags.cluster) throw new Error(`--cluster: ${NO_CLUSTER}`);
    const format = flags.format || (!flags.quiet && (await cli.config()).volumesFormat) || "table";
    const engine = await cli.engine();
    const [{ Volumes: listed, Warnings }, usage] = await Promise.all([
      engine.volumes.list(flags.filter),
      flags.size ? engine.system.diskUsage(["volume"]) : undefined,
    ]);
    const known = new Map((usage?.Volumes ?? []).map((volume) => [volume.Name, volume.UsageData]));
    const Volumes = (listed ?? []).map((volume) => ({
      ...volume,
      UsageData: known.get(volume.Name) ?? null,
    }));
    const sorted = [...Volumes].sort((a, b) => naturalOrder(a.Name, b.Name));
    await printList(cli, VOLUME_LIST, volumeFormat(format, flags), sorted);
    for (const warning of Warnings ?? []) cli.note(`WARNING: ${warning}`);
  },
});
