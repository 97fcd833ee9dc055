import type { Digest } from "../../lib/index.ts";
import type { ImageLayers } from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import { familiarName, parseImageName } from "../reference.ts";
import { sizeOfLayers } from "../sizes.ts";
import { layerSteps } from "./layer-steps.ts";
import { resolveVersioned } from "./reference.ts";

/** `berth image tree`: an image's layers, and who shares them. @throws as `resolveVersioned` */
export function imageLayers(context: ImageContext, text: string): ImageLayers {
  const { catalog } = context;
  const { document } = resolveVersioned(context, text);
  const { id, layers } = document;
  const unshared = layers.filter((diffId) => catalog.imagesWith(diffId).every((image) => image === id));
  return {
    Id: id,
    Names: tagsOf(context, id),
    Size: sizeOfLayers(catalog, layers),
    UniqueSize: sizeOfLayers(catalog, unshared),
    Layers: layerSteps(catalog, document).map((step, at) => ({
      Number: at + 1,
      Digest: step.diffId,
      Size: step.sizeBytes,
      ...(step.created === undefined ? {} : { Created: step.created }),
      CreatedBy: step.createdBy,
      Comment: step.comment,
      SharedWith: catalog
        .imagesWith(step.diffId)
        .filter((image) => image !== id)
        .map((image) => ({ Id: image, Names: tagsOf(context, image) })),
    })),
  };
}

/** As people say them. */
function tagsOf({ catalog }: ImageContext, id: Digest): string[] {
  const tags = catalog.namesOf(id).filter(({ isDigest }) => !isDigest);
  return tags.map(({ name }) => familiarName(parseImageName(name)));
}
