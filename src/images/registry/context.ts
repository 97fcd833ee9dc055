import type { Registries } from "../../distribution/index.ts";
import type { Slots } from "../../lib/index.ts";
import type { ImageContext } from "../context.ts";
import type { LayerDownloads } from "./layer-downloads.ts";

/** What the operations between here and registries work with. */
export interface RegistryContext extends ImageContext {
  readonly registries: Registries;
  readonly downloads: LayerDownloads;
  /** Uploads at a time. */
  readonly uploads: Slots;
}
