import type { BuildCacheRecord } from "../../wire/index.ts";
import { bool, filter, string } from "../flags.ts";
import { buildCacheList } from "../lists/disk-usage.ts";
import { printList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { humanSize } from "../text/units.ts";

const TABLE = "table {{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastUsedSince}}";

export const command = defineCommand({
  summary: "Show what builds have kept",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    filter: filter("Show only what fulfils a condition (e.g. type=exec.cachemount)", {}),
    format: string(FORMAT_HELP),
    verbose: bool("Show everything that is known of each piece"),
  },
  async run({ cli, flags }) {
    const usage = await (await cli.engine()).system.diskUsage(["build-cache"]);
    const records = (usage.BuildCache ?? []).filter((record) => fits(record, flags.filter)).sort(byLastUse);
    if (flags.verbose) {
      cli.print(records.map(details).join("\n"));
    } else await printList(cli, LIST, flags.format || TABLE, records);
    if (flags.format === "") cli.print(summary(records));
  },
});

const known = buildCacheList(false);
const LIST = {
  ...known,
  titles: { ...known.titles, ID: "ID", Reclaimable: "RECLAIMABLE", LastUsedSince: "LAST ACCESSED" },
  fields: {
    ...known.fields,
    Reclaimable: ({ InUse }: BuildCacheRecord) => String(!InUse),
  },
};

function byLastUse(a: BuildCacheRecord, b: BuildCacheRecord): number {
  const order = Date.parse(b.LastUsedAt ?? b.CreatedAt) - Date.parse(a.LastUsedAt ?? a.CreatedAt);
  return order || (a.ID < b.ID ? -1 : 1);
}

function details(record: BuildCacheRecord): string {
  const { ID, Parents, CreatedAt, InUse, Size, Description, UsageCount, LastUsedAt, Shared, Type } = record;
  const lines: [name: string, value: string][] = [
    ["ID", ID],
    ...(Parents == null ? [] : [["Parents", Parents.join(", ")] as [string, string]]),
    ["Created at", CreatedAt],
    ["Mutable", String(Type === "exec.cachemount")],
    ["Reclaimable", String(!InUse)],
    ["Shared", String(Shared)],
    ["Size", humanSize(Size)],
    ["Description", Description],
    ["Usage count", String(UsageCount)],
    ...(LastUsedAt == null ? [] : [["Last used", LastUsedAt] as [string, string]]),
    ["Type", Type],
  ];
  return lines.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join("");
}

function summary(records: readonly BuildCacheRecord[]): string {
  const sum = (of: readonly BuildCacheRecord[]) => humanSize(of.reduce((bytes, { Size }) => bytes + Size, 0));
  const shared = records.filter(({ Shared }) => Shared);
  return [
    ...(shared.length > 0
      ? [`Shared:\t\t${sum(shared)}\n`, `Private:\t${sum(records.filter(({ Shared }) => !Shared))}\n`]
      : []),
    `Reclaimable:\t${sum(records.filter(({ InUse }) => !InUse))}\n`,
    `Total:\t\t${sum(records)}\n`,
  ].join("");
}

/** The engine lists everything. */
function fits(record: BuildCacheRecord, filters: Readonly<Record<string, readonly string[]>>): boolean {
  const values: Readonly<Record<string, (value: string) => boolean>> = {
    id: (value) => record.ID === value,
    parent: (value) => record.Parents?.includes(value) ?? false,
    type: (value) => record.Type === value,
    description: (value) => record.Description.includes(value),
    inuse: (value) => String(record.InUse) === (value || "true"),
    shared: (value) => String(record.Shared) === (value || "true"),
    private: (value) => String(!record.Shared) === (value || "true"),
  };
  return Object.entries(filters).every(([name, wanted]) => {
    const check = values[name];
    if (check === undefined) throw new Error(`invalid filter '${name}'`);
    return wanted.some(check);
  });
}
