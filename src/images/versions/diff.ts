import { isOpaqueItself } from "../../linux/index.ts";
import type { ImageDiff, ImageFileChange, ImageLayerChange } from "../../wire/index.ts";
import type { ImageDocument } from "../config.ts";
import type { ImageContext } from "../context.ts";
import { sizeOfLayers } from "../sizes.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import { compareTrees } from "./compare-files.ts";
import { configChanges } from "./config-changes.ts";
import { layerSteps } from "./layer-steps.ts";
import { resolveVersioned } from "./reference.ts";
import { commonLayers } from "./summary.ts";
import type { LayerViews } from "./views.ts";

/** What is different between two images; of the files there may be a million, which come one by one. */
export interface ComparedImages extends Omit<ImageDiff, "Files" | "Totals"> {
  readonly files: AsyncIterable<ImageFileChange>;
}

/**
 * `berth image diff`: from one image to another, each by name, id or version.
 * @throws as `resolveVersioned`, before anything is read
 */
export function diffImages(
  context: ImageContext,
  views: LayerViews,
  from: string,
  to: string,
): ComparedImages {
  const [before, after] = [from, to].map((text) => resolveVersioned(context, text).document);
  const facts = (Reference: string, { id, layers }: ImageDocument) => ({
    Reference,
    Id: id,
    Size: sizeOfLayers(context.catalog, layers),
    Layers: layers.length,
  });
  return {
    From: facts(from, before!),
    To: facts(to, after!),
    Config: configChanges(before!, after!),
    Layers: layerChanges(context, before!, after!),
    files: changedFiles(views, before!.layers, after!.layers),
  };
}

function layerChanges(
  context: ImageContext,
  before: ImageDocument,
  after: ImageDocument,
): ImageLayerChange[] {
  const shared = commonLayers(before.layers, after.layers);
  const steps = (document: ImageDocument, Change: string, from: number, to?: number) =>
    layerSteps(context.catalog, document)
      .slice(from, to)
      .map(({ diffId, sizeBytes, createdBy }) => ({
        Change,
        Digest: diffId,
        Size: sizeBytes,
        CreatedBy: createdBy,
      }));
  return [
    ...steps(after, "same", 0, shared),
    ...steps(before, "removed", shared),
    ...steps(after, "added", shared),
  ];
}

async function* changedFiles(
  views: LayerViews,
  before: readonly DiffId[],
  after: readonly DiffId[],
): AsyncGenerator<ImageFileChange, void, undefined> {
  const shared = commonLayers(before, after);
  const own = [...new Set([...before.slice(shared), ...after.slice(shared)])];
  if (own.length === 0) return;
  // Without a common base there is nothing to leave out.
  const single = shared === 0 ? [] : own.map((diffId) => [diffId]);
  using open = await views.open([before, after, ...single]);
  const [old, now, ...layers] = open.roots;
  const replacesAll = layers.some((root) => {
    using top = root.directory("/");
    return isOpaqueItself(top);
  });
  yield* compareTrees({
    before: old!,
    after: now!,
    layers: shared === 0 || replacesAll ? undefined : layers,
  });
}
