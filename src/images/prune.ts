import { kindOf } from "../lib/index.ts";
import type { ImageDeleteItem, ImagePruneResponse } from "../wire/index.ts";
import type { ImageContext } from "./context.ts";
import { booleanFilter, checkFilterNames, type ImageFilters, matchesLabels, untilFilter } from "./filters.ts";
import { familiarName, parseImageName } from "./reference.ts";
import { removeImage } from "./remove.ts";
import { sizeOfAllLayers } from "./sizes.ts";

/**
 * `docker image prune`: images that no container was made from, and, unless `dangling` is false, that have no name. With
 * `compressed`, which is ours, also the compressed forms of layers that a registry is known to have.
 * @throws InvalidParameter for unknown filters
 */
export async function pruneImages(context: ImageContext, filters: ImageFilters): Promise<ImagePruneResponse> {
  checkFilterNames(filters, ["dangling", "label", "label!", "until", "compressed"]);
  const danglingOnly = booleanFilter(filters, "dangling") ?? true;
  const dropsForms = booleanFilter(filters, "compressed") ?? false;
  const until = untilFilter(filters);
  const { catalog, users } = context;
  const before = sizeOfAllLayers(context);
  const removed: ImageDeleteItem[] = [];
  for (const record of catalog.all()) {
    const { id } = record.document;
    if (until !== undefined && record.createdMs > until) continue;
    if (!matchesLabels(record, filters) || users.count(id) > 0) continue;
    const names = catalog.namesOf(id);
    if (names.length > 0 && danglingOnly && names.some(({ isDigest }) => !isDigest)) continue;
    if (names.length === 0 && catalog.children(id).length > 0) continue;
    removed.push(...(await removeUnused(context, id, names)));
  }
  await context.layers.collect();
  // What came of pulls that were given up: the next one would have gone on with it.
  const partialBytes = await context.layers.removePartials();
  if (dropsForms) await context.layers.dropForms();
  const reclaimed = Math.max(0, before - sizeOfAllLayers(context)) + partialBytes;
  context.emit({
    type: "image",
    action: "prune",
    actorId: "",
    attributes: { reclaimed: String(reclaimed) },
  });
  return {
    ImagesDeleted: removed.length > 0 ? removed : null,
    SpaceReclaimed: reclaimed,
  };
}

/** By each of its names, or by its id where it has none; what a container took meanwhile stays. */
async function removeUnused(
  context: ImageContext,
  id: string,
  names: readonly { name: string }[],
): Promise<ImageDeleteItem[]> {
  const removed: ImageDeleteItem[] = [];
  const texts = names.length > 0 ? names.map(({ name }) => familiarName(parseImageName(name))) : [id];
  for (const text of texts) {
    try {
      removed.push(...(await removeImage(context, text)));
    } catch (error) {
      const kind = kindOf(error);
      if (kind !== "Conflict" && kind !== "NotFound") throw error;
    }
  }
  return removed;
}
