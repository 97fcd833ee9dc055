import type { ImageLayer } from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { goTimeOfRfc3339 } from "../show/go-time.ts";
import { ellipsis } from "../show/table.ts";
import { shownName } from "../text/file-names.ts";
import { humanSize } from "../text/units.ts";
import { shortImageId } from "./containers.ts";

export const LAYERS_TABLE = "table {{.Layer}}\t{{.Digest}}\t{{.Size}}\t{{.CreatedBy}}\t{{.SharedWith}}";

const SHARED_MAX = 3;

/** `berth image tree IMAGE`. */
export function layerList(short: boolean): ListKind<ImageLayer> {
  return {
    typeName: "*image.layerContext",
    titles: {
      Layer: "LAYER",
      Digest: "DIGEST",
      Size: "SIZE",
      CreatedAt: "CREATED AT",
      CreatedBy: "CREATED BY",
      Comment: "COMMENT",
      SharedWith: "ALSO IN",
    },
    fields: {
      Layer: (layer) => String(layer.Number),
      Digest: ({ Digest }) => (short ? shortImageId(Digest) : Digest),
      Size: ({ Size }) => humanSize(Size, 3),
      CreatedAt: ({ Created }) => (Created === undefined ? "" : goTimeOfRfc3339(Created)),
      CreatedBy: ({ CreatedBy }) => {
        const text = shownName(CreatedBy.replaceAll("\t", " "));
        return short ? ellipsis(text, 45) : text;
      },
      Comment: ({ Comment }) => shownName(Comment),
      SharedWith: ({ SharedWith }) => {
        const images = SharedWith.map(({ Id, Names }) => Names[0] ?? shortImageId(Id));
        const shown = short ? images.slice(0, SHARED_MAX) : images;
        const more = images.length - shown.length;
        return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
      },
    },
  };
}
