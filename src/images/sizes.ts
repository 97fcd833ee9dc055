import type { Catalog } from "./catalog.ts";
import type { TravelRecords } from "./registry/records.ts";
import type { DiffId } from "./snapshots/snapshotter.ts";

/** Bytes of the files in a stack of layers; a layer that is in it twice counts twice, as by Docker. */
export function sizeOfLayers(catalog: Catalog, layers: readonly DiffId[]): number {
  return layers.reduce((sum, diffId) => sum + (catalog.layer(diffId)?.contentBytes ?? 0), 0);
}

/** Bytes that all images take: the files of each layer once, and the compressed forms that layers came in. */
export function sizeOfImages({ catalog, records }: { catalog: Catalog; records: TravelRecords }): number {
  return catalog.imageLayerBytes() + records.keptBlobBytes();
}

/** As `sizeOfImages`, with the layers that nobody but the build cache has: what the disk has to hold. */
export function sizeOfAllLayers(context: { catalog: Catalog; records: TravelRecords }): number {
  const files = context.catalog.layers().reduce((sum, { contentBytes }) => sum + contentBytes, 0);
  return files + context.records.keptBlobBytes();
}
