import type { Volume } from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { humanSize } from "../text/units.ts";
import { labelList } from "./containers.ts";

/** `berth volume ls`. Groups, availability and status belong to a cluster's volumes. */
export const VOLUME_LIST: ListKind<Volume> = {
  typeName: "*formatter.volumeContext",
  titles: {
    ID: "ID",
    Name: "VOLUME NAME",
    Group: "GROUP",
    Driver: "DRIVER",
    Scope: "SCOPE",
    Availability: "AVAILABILITY",
    Mountpoint: "MOUNTPOINT",
    Labels: "LABELS",
    Links: "LINKS",
    Size: "SIZE",
    Status: "STATUS",
  },
  fields: {
    Name: ({ Name }) => Name,
    Driver: ({ Driver }) => Driver,
    Scope: ({ Scope }) => Scope,
    Mountpoint: ({ Mountpoint }) => Mountpoint,
    Labels: ({ Labels }) => labelList(Labels),
    Label: ({ Labels }, name) => Labels?.[name!] ?? "",
    Links: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : "N/A"),
    Size: ({ UsageData }) => (UsageData ? humanSize(UsageData.Size) : "N/A"),
    Group: () => "N/A",
    Availability: () => "N/A",
    Status: () => "N/A",
  },
};

export function volumeFormat(format: string, { quiet, size }: { quiet: boolean; size: boolean }): string {
  if (format === "table" && size && !quiet) return "table {{.Driver}}\t{{.Name}}\t{{.Links}}\t{{.Size}}";
  if (format === "table") return quiet ? "{{.Name}}" : "table {{.Driver}}\t{{.Name}}";
  if (format === "raw") return quiet ? "name: {{.Name}}" : "name: {{.Name}}\ndriver: {{.Driver}}\n";
  return format;
}
