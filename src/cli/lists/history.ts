import type { ImageHistoryItem } from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { localRfc3339 } from "../show/go-time.ts";
import { ellipsis } from "../show/table.ts";
import { humanDuration, humanSize } from "../text/units.ts";
import { shortImageId } from "./containers.ts";

/** Reproducible builds set times to the epoch, or to 1980 where an archive cannot go further back. */
const MEANINGLESS_BEFORE = Date.UTC(2000, 0, 1) / 1000;

/** `berth history`. @param human sizes and times as people say them. */
export function historyList(short: boolean, human: boolean): ListKind<ImageHistoryItem> {
  return {
    typeName: "*image.historyContext",
    titles: {
      ID: "IMAGE",
      CreatedSince: "CREATED",
      CreatedAt: "CREATED AT",
      CreatedBy: "CREATED BY",
      Size: "SIZE",
      Comment: "COMMENT",
    },
    fields: {
      ID: ({ Id }) => (short ? shortImageId(Id) : Id),
      CreatedAt: ({ Created }) => localRfc3339(Created),
      CreatedSince: ({ Created }) => createdSince(Created, human),
      CreatedBy: ({ CreatedBy }) => {
        const text = CreatedBy.replaceAll("\t", " ");
        return short ? ellipsis(text, 45) : text;
      },
      Size: ({ Size }) => (human ? humanSize(Size, 3) : String(Size)),
      Comment: ({ Comment }) => Comment,
    },
  };
}

function createdSince(created: number, human: boolean): string {
  if (!human) return localRfc3339(created);
  return created <= MEANINGLESS_BEFORE ? "N/A" : `${humanDuration(Date.now() / 1000 - created)} ago`;
}
