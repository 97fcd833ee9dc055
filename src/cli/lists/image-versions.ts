import type { ImageChangeSummary, ImageMove, ImageVersion } from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { goTimeOfRfc3339 } from "../show/go-time.ts";
import { shownName } from "../text/file-names.ts";
import { humanDuration, humanSize, signedSize } from "../text/units.ts";
import { shortImageId } from "./containers.ts";

export const VERSIONS_TABLE =
  "table {{.Version}}\t{{.ID}}\t{{.CreatedSince}}\t{{.How}}\t{{.By}}\t{{.Changes}}";

/** `berth image log`. */
export function versionList(short: boolean): ListKind<ImageVersion> {
  return {
    typeName: "*image.versionContext",
    titles: {
      Version: "VERSION",
      ID: "IMAGE ID",
      State: "STATE",
      CreatedSince: "WHEN",
      CreatedAt: "WHEN",
      How: "HOW",
      By: "BY",
      User: "USER",
      Client: "CLIENT",
      Changes: "CHANGES",
      Size: "SIZE",
      Layers: "LAYERS",
    },
    fields: {
      Version: (version) => `${version.Number}${version.Current ? "*" : ""}`,
      ID: ({ Image, State }) => {
        if (State === "none") return "<none>";
        return `${short ? shortImageId(Image) : Image}${State === "gone" ? " (gone)" : ""}`;
      },
      State: ({ State }) => State,
      CreatedSince: ({ Time }) => `${humanDuration((Date.now() - Date.parse(Time)) / 1000)} ago`,
      CreatedAt: ({ Time }) => goTimeOfRfc3339(Time),
      How: ({ How }) => shownName(describeMove(How, short)),
      By: ({ User, Client }) => {
        if (Client === "") return User;
        return shownName(`${User} (${short ? Client.split(" ")[0] : Client})`);
      },
      User: ({ User }) => User,
      Client: ({ Client }) => Client,
      Changes: (version) => shownName(describeChanges(version, short)),
      Size: ({ Size }) => humanSize(Size, 3),
      Layers: ({ Layers }) => String(Layers),
    },
  };
}

export function describeMove(how: ImageMove, short: boolean): string {
  const digest = (text: string | undefined) =>
    text === undefined ? "" : short ? `${text.slice(0, "sha256:".length + 12)}` : text;
  switch (how.Kind) {
    case "pull":
      return `pull from ${how.Registry}, ${digest(how.Digest)}`;
    case "build": {
      const bases = (how.Bases ?? []).map(({ Reference }) => Reference).join(", ");
      return bases === "" ? "build" : `build on ${bases}`;
    }
    case "commit":
      return `commit of ${how.ContainerName ?? (how.Container ?? "").slice(0, 12)}`;
    case "tag":
      return `tag of ${digestOrName(how.From ?? "", short)}`;
    case "rollback":
      return `rollback to ${how.Version}`;
    case "untag":
      return "removed";
    case "earlier":
      return "not recorded";
    default:
      return how.Kind;
  }
}

const digestOrName = (text: string, short: boolean) =>
  short && text.startsWith("sha256:") ? shortImageId(text) : text;

/** So many fields of the configuration are named. */
const FIELDS_MAX = 4;

function describeChanges({ Image, Changes, Size, Layers }: ImageVersion, short: boolean): string {
  if (Image === "") return "";
  if (!Changes) return `${plural(Layers, "layer")}, ${humanSize(Size, 3)}`;
  const fields = short ? Changes.Config.slice(0, FIELDS_MAX) : Changes.Config;
  const more = Changes.Config.length - fields.length;
  const parts = [...layerWords(Changes), ...fields, ...(more > 0 ? [`${more} more`] : [])];
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

function layerWords({ LayersAdded, LayersRemoved, SizeDelta }: ImageChangeSummary): string[] {
  if (LayersAdded === 0 && LayersRemoved === 0) return [];
  const counts = [
    ...(LayersAdded > 0 ? [`+${LayersAdded}`] : []),
    ...(LayersRemoved > 0 ? [`-${LayersRemoved}`] : []),
  ];
  const word = LayersAdded + LayersRemoved === 1 ? "layer" : "layers";
  return [`${counts.join(" ")} ${word}`, signedSize(SizeDelta)];
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
