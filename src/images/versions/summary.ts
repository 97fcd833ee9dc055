import type { ImageChangeSummary } from "../../wire/index.ts";
import type { Catalog } from "../catalog.ts";
import type { ImageDocument } from "../config.ts";
import { sizeOfLayers } from "../sizes.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import { changedFields } from "./config-changes.ts";

/** What can be told of a change without looking at a file. */
export function summarize(catalog: Catalog, before: ImageDocument, after: ImageDocument): ImageChangeSummary {
  const shared = commonLayers(before.layers, after.layers);
  return {
    LayersAdded: after.layers.length - shared,
    LayersRemoved: before.layers.length - shared,
    SizeDelta: sizeOfLayers(catalog, after.layers) - sizeOfLayers(catalog, before.layers),
    Config: changedFields(before, after),
  };
}

/** How many layers two stacks have in common, from the bottom up. */
export function commonLayers(one: readonly DiffId[], other: readonly DiffId[]): number {
  let count = 0;
  while (count < one.length && one[count] === other[count]) count++;
  return count;
}
