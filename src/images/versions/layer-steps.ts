import type { Catalog } from "../catalog.ts";
import type { HistoryEntry, ImageDocument } from "../config.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";

/** A layer of an image, and the step that made it. */
export interface LayerStep {
  readonly diffId: DiffId;
  /** Bytes of its files. */
  readonly sizeBytes: number;
  readonly createdBy: string;
  readonly created: string | undefined;
  readonly comment: string;
}

/** Bottom first. What an image's history tells of its layers is what its maker wrote there; it may tell of none. */
export function layerSteps(catalog: Catalog, { layers, history }: ImageDocument): LayerStep[] {
  const steps: readonly HistoryEntry[] = history.filter(({ emptyLayer }) => emptyLayer !== true);
  return layers.map((diffId, at) => ({
    diffId,
    sizeBytes: catalog.layer(diffId)?.contentBytes ?? 0,
    createdBy: steps[at]?.createdBy ?? "",
    created: steps[at]?.created,
    comment: steps[at]?.comment ?? "",
  }));
}
