import type { Network } from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { goTimeOfRfc3339 } from "../show/go-time.ts";
import { labelList } from "./containers.ts";

/** `berth network ls`. */
export function networkList(short: boolean): ListKind<Network> {
  return {
    typeName: "*network.networkContext",
    titles: {
      ID: "NETWORK ID",
      Name: "NAME",
      Driver: "DRIVER",
      Scope: "SCOPE",
      IPv4: "IPV4",
      IPv6: "IPV6",
      Internal: "INTERNAL",
      Labels: "LABELS",
      CreatedAt: "CREATED AT",
    },
    fields: {
      ID: ({ Id }) => (short ? Id.slice(0, 12) : Id),
      Name: ({ Name }) => Name,
      Driver: ({ Driver }) => Driver,
      Scope: ({ Scope }) => Scope,
      IPv4: ({ EnableIPv4 }) => String(EnableIPv4 ?? false),
      IPv6: ({ EnableIPv6 }) => String(EnableIPv6 ?? false),
      Internal: ({ Internal }) => String(Internal ?? false),
      Labels: ({ Labels }) => labelList(Labels),
      Label: ({ Labels }, name) => Labels?.[name!] ?? "",
      CreatedAt: ({ Created = "" }) => goTimeOfRfc3339(Created),
    },
  };
}

export function networkFormat(format: string, quiet: boolean): string {
  if (format === "table") return quiet ? "{{.ID}}" : "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";
  if (format === "raw") {
    return quiet
      ? "network_id: {{.ID}}"
      : "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n";
  }
  return format;
}
