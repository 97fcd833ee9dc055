import { systemError } from "../lib/index.ts";
import type { ImageHistoryItem, ImageInspect } from "../wire/index.ts";
import type { ImageRecord } from "./catalog.ts";
import type { HistoryEntry } from "./config.ts";
import type { ImageContext } from "./context.ts";
import { familiarName, parseImageName } from "./reference.ts";
import { sizeOfLayers } from "./sizes.ts";
import { unixSeconds } from "./time.ts";

/** `docker image inspect`. */
export function inspectImage(context: ImageContext, record: ImageRecord, driver: string): ImageInspect {
  const { document, parent, lastTagged } = record;
  const names = context.catalog.namesOf(document.id);
  const familiar = (wanted: boolean) =>
    names.filter(({ isDigest }) => isDigest === wanted).map(({ name }) => familiarName(parseImageName(name)));
  return {
    Id: document.id,
    RepoTags: familiar(false),
    RepoDigests: familiar(true),
    Parent: parent ?? "",
    // Builders leave it in the history only.
    Comment: document.comment || (document.history.at(-1)?.comment ?? ""),
    ...(document.created === undefined ? {} : { Created: document.created }),
    DockerVersion: document.dockerVersion ?? "",
    Author: document.author ?? "",
    Config: document.config,
    Architecture: document.architecture,
    ...(document.variant === undefined ? {} : { Variant: document.variant }),
    Os: document.os,
    ...(document.osVersion === undefined ? {} : { OsVersion: document.osVersion }),
    Size: sizeOfLayers(context.catalog, document.layers),
    GraphDriver: { Name: driver, Data: {} },
    RootFS: { Type: "layers", Layers: [...document.layers] },
    Metadata: { LastTagTime: lastTagged ?? "0001-01-01T00:00:00Z" },
  };
}

/** `docker history`: newest first; only images that are here have an id. */
export function imageHistory(context: ImageContext, record: ImageRecord): ImageHistoryItem[] {
  const { catalog } = context;
  const { layers, history } = record.document;
  const steps: readonly HistoryEntry[] = history.length > 0 ? history : layers.map(() => ({}));
  let layer = 0;
  const items = steps.map((step): ImageHistoryItem => {
    const diffId = step.emptyLayer === true ? undefined : layers[layer++];
    if (step.emptyLayer !== true && diffId === undefined) {
      throw systemError("too many non-empty layers in History section");
    }
    return {
      Id: "<missing>",
      Created: unixSeconds(step.created),
      CreatedBy: step.createdBy ?? "",
      Tags: null,
      Size: diffId === undefined ? 0 : (catalog.layer(diffId)?.contentBytes ?? 0),
      Comment: step.comment ?? "",
    };
  });
  items.reverse();
  let known: ImageRecord | undefined = record;
  for (const item of items) {
    if (known === undefined) break;
    const { id } = known.document;
    const tags = catalog.namesOf(id).filter(({ isDigest }) => !isDigest);
    item.Id = id;
    item.Tags = tags.length === 0 ? null : tags.map(({ name }) => familiarName(parseImageName(name)));
    known = known.parent === undefined ? undefined : catalog.get(known.parent);
  }
  return items;
}
