import type { ImageVersionsUsage } from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import { sizeOfLayers } from "../sizes.ts";
import { isNeededBesideVersions } from "./keeper.ts";

/** What `image prune --versions` would give back, but for what it knows of images that are made from others. */
export function versionsUsage(context: ImageContext): ImageVersionsUsage {
  const { catalog, versions } = context;
  const images = new Set(versions.records.images().filter((id) => !isNeededBesideVersions(context, id)));
  const layers = new Set([...images].flatMap((id) => catalog.get(id)?.document.layers ?? []));
  const own = [...layers].filter((diffId) => catalog.imagesWith(diffId).every((image) => images.has(image)));
  return { Images: images.size, Size: sizeOfLayers(catalog, own) };
}
