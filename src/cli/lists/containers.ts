import type { ContainerSummary, PortSummary } from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { goTime } from "../show/go-time.ts";
import { ellipsis } from "../show/table.ts";
import { quote } from "../text/numbers.ts";
import { familiarName, familiarReference, parseReference } from "../text/reference.ts";
import { humanDuration, humanSize } from "../text/units.ts";

/** `berth ps`. @param short cut ids, commands and names of mounts to what fits. */
export function containerList(short: boolean): ListKind<ContainerSummary> {
  return {
    typeName: "*formatter.ContainerContext",
    titles: {
      ID: "CONTAINER ID",
      Names: "NAMES",
      Image: "IMAGE",
      Command: "COMMAND",
      CreatedAt: "CREATED AT",
      RunningFor: "CREATED",
      Ports: "PORTS",
      State: "STATE",
      Status: "STATUS",
      Size: "SIZE",
      Labels: "LABELS",
      Mounts: "MOUNTS",
      LocalVolumes: "LOCAL VOLUMES",
      Networks: "NETWORKS",
      Platform: "PLATFORM",
    },
    fields: {
      ID: (container) => (short ? container.Id.slice(0, 12) : container.Id),
      Names: (container) => names(container, short),
      Image: (container) => image(container, short),
      Command: ({ Command }) => quote(short ? ellipsis(Command, 20) : Command),
      CreatedAt: ({ Created }) => goTime(Created),
      RunningFor: ({ Created }) => `${humanDuration(Date.now() / 1000 - Created)} ago`,
      Ports: ({ Ports }) => publishedPorts(Ports ?? []),
      State: ({ State }) => State,
      Status: ({ Status }) => Status,
      Size: ({ SizeRw, SizeRootFs }) => size(SizeRw ?? 0, SizeRootFs ?? 0),
      Labels: ({ Labels }) => labelList(Labels),
      Label: ({ Labels }, name) => Labels?.[name!] ?? "",
      Mounts: ({ Mounts }) => (Mounts ?? []).map((mount) => mountName(mount, short)).join(","),
      LocalVolumes: ({ Mounts }) => String((Mounts ?? []).filter(({ Driver }) => Driver === "local").length),
      Networks: ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(","),
      Platform: ({ ImageManifestDescriptor }) => platform(ImageManifestDescriptor?.platform),
    },
  };
}

const TABLE = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
const RAW =
  "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n" +
  "state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n" +
  "labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n";

/** How `ps` prints: `table` and `raw` stand for formats of its own. */
export function containerFormat(format: string, quiet: boolean, size: boolean): string {
  if (format === "raw") return quiet ? "container_id: {{.ID}}" : size ? `${RAW}size: {{.Size}}\n` : RAW;
  if (quiet) return "{{.ID}}";
  if (format !== "" && format !== "table") return format;
  return size ? `${TABLE}\t{{.Size}}` : TABLE;
}

/** `key=value` pairs, sorted. */
export function labelList(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}

/** Names that other containers gave by links have a slash inside: they are not this container's own. */
function names({ Names }: ContainerSummary, short: boolean): string {
  const plain = Names.map((name) => name.slice(1));
  const own = short ? plain.find((name) => !name.includes("/")) : undefined;
  return own ?? plain.join(",");
}

function image({ Image, ImageID }: ContainerSummary, short: boolean): string {
  if (Image === "") return "<no image>";
  if (!short) return Image;
  const id = shortImageId(ImageID);
  if (id === shortImageId(Image)) return id;
  // Only these are written shorter than they are; most names need no parser.
  if (!/@|^(index\.)?docker\.io\/|^library\//.test(Image)) return Image;
  return shortReference(Image);
}

function shortReference(text: string): string {
  try {
    const reference = parseReference(text);
    return reference.tag === undefined
      ? familiarName(reference)
      : familiarReference({ ...reference, digest: undefined });
  } catch {
    return text;
  }
}

/** 12 digits without the algorithm. */
export function shortImageId(id: string): string {
  return id.slice(id.indexOf(":") + 1).slice(0, 12);
}

function size(writable: number, whole: number): string {
  const own = humanSize(writable, 3);
  return whole > 0 ? `${own} (virtual ${humanSize(whole, 3)})` : own;
}

function mountName(mount: { Name?: string; Source: string }, short: boolean): string {
  const name = mount.Name === undefined || mount.Name === "" ? mount.Source : mount.Name;
  return short ? ellipsis(name, 15) : name;
}

function platform(described: unknown): string | null {
  const { os, architecture, variant } = (described ?? {}) as {
    os?: string;
    architecture?: string;
    variant?: string;
  };
  if (os === undefined) return null;
  return [os, architecture, variant].filter((part) => part !== undefined && part !== "").join("/");
}

/** `0.0.0.0:8080->80/tcp, 90-92/udp`: neighbouring ports with equal numbers inside and outside are ranges. */
export function publishedPorts(ports: readonly PortSummary[]): string {
  const ranges = new Map<string, { first: number; last: number }>();
  const shown: string[] = [];
  const mapped: string[] = [];
  for (const port of [...ports].sort(comparePorts)) {
    const { IP: address = "", PrivatePort: inside, PublicPort: outside = 0, Type: protocol } = port;
    if (address !== "" && outside !== inside) {
      mapped.push(`${hostPort(address, String(outside))}->${inside}/${protocol}`);
      continue;
    }
    const key = address === "" ? protocol : `${address}/${protocol}`;
    const range = ranges.get(key);
    if (range !== undefined && inside === range.last + 1) {
      range.last = inside;
      continue;
    }
    if (range !== undefined) shown.push(portRange(key, range));
    ranges.set(key, { first: inside, last: inside });
  }
  return [...shown, ...[...ranges].map(([key, range]) => portRange(key, range)), ...mapped].join(", ");
}

function comparePorts(a: PortSummary, b: PortSummary): number {
  if (a.PrivatePort !== b.PrivatePort) return a.PrivatePort - b.PrivatePort;
  const [ipA, ipB] = [a.IP ?? "", b.IP ?? ""];
  if (ipA !== ipB) return ipA < ipB ? -1 : 1;
  if (a.PublicPort !== b.PublicPort) return (a.PublicPort ?? 0) - (b.PublicPort ?? 0);
  return a.Type < b.Type ? -1 : 1;
}

function portRange(key: string, { first, last }: { first: number; last: number }): string {
  const slash = key.lastIndexOf("/");
  const address = slash < 0 ? "" : key.slice(0, slash);
  const range = first === last ? `${first}` : `${first}-${last}`;
  const where = address === "" ? range : `${hostPort(address, range)}->${range}`;
  return `${where}/${key.slice(slash + 1)}`;
}

/** Addresses with colons get brackets. */
export function hostPort(address: string, port: string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
