import type { Catalog } from "./catalog.ts";
import type { DiffId } from "./snapshots/snapshotter.ts";

/** Bytes of the files in a stack of layers; a layer that is in it twice counts twice, as by Docker. */
export function sizeOfLayers(catalog: Catalog, layers: readonly DiffId[]): number {
  return layers.reduce((sum, diffId) => sum + (catalog.layer(diffId)?.contentBytes ?? 0), 0);
}
