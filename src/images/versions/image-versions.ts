import type {
  ImageFile,
  ImageLayers,
  ImageRollbackResponse,
  ImageVersion,
  ImageVersionsPruneResponse,
  ImageVersionsUsage,
} from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import type { ImageFilters } from "../filters.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";
import { type ComparedImages, diffImages } from "./diff.ts";
import { imageFiles } from "./explore.ts";
import { VersionKeeper } from "./keeper.ts";
import { imageLayers } from "./layers.ts";
import { imageVersions } from "./log.ts";
import { pruneVersions } from "./prune.ts";
import { rollBack } from "./rollback.ts";
import { versionsUsage } from "./usage.ts";
import type { VersionLimits } from "./versions.ts";
import { LayerViews } from "./views.ts";

/** The door of this folder: what names pointed at, going back to it, and looking into images. */
export class ImageVersions {
  readonly #context: ImageContext;
  readonly #views: LayerViews;
  readonly #keeper: VersionKeeper;

  constructor(context: ImageContext, snapshotter: Snapshotter) {
    this.#context = context;
    this.#views = new LayerViews(context.layers, snapshotter);
    this.#keeper = new VersionKeeper(context);
  }

  /** Begins to remove what is beyond the limits. To be called when it is known which containers there are. */
  start(): void {
    this.#keeper.start();
  }

  /** From now on so many are kept. */
  configure(limits: VersionLimits): void {
    this.#context.versions.limits = limits;
    this.#keeper.look();
  }

  /** Newest first. */
  async list(name: string): Promise<ImageVersion[]> {
    return imageVersions(this.#context, name);
  }

  /** `version`: the one before the present one where none is given. */
  rollBack(name: string, version?: number): Promise<ImageRollbackResponse> {
    return rollBack(this.#context, name, version);
  }

  prune(filters: ImageFilters = {}): Promise<ImageVersionsPruneResponse> {
    return pruneVersions(this.#context, filters);
  }

  /** What past versions alone keep on the disk. */
  usage(): ImageVersionsUsage {
    return versionsUsage(this.#context);
  }

  async diff(from: string, to: string): Promise<ComparedImages> {
    return diffImages(this.#context, this.#views, from, to);
  }

  async layers(name: string): Promise<ImageLayers> {
    return imageLayers(this.#context, name);
  }

  async files(name: string, layer: string): Promise<AsyncIterable<ImageFile>> {
    return imageFiles(this.#context, this.#views, name, layer);
  }

  /** Resolves when what is beyond the limits is gone. */
  settled(): Promise<void> {
    return this.#keeper.settled();
  }

  close(): Promise<void> {
    return this.#keeper.close();
  }
}
