import { DEFAULT_REGISTRIES, type Patience, type RegistriesConfig } from "../distribution/index.ts";
import type { Digest, EmitEvent } from "../lib/index.ts";
import type { BlobStore, Database } from "../store/index.ts";
import type {
  DistributionInspect,
  ImageConfig,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImagePruneResponse,
  ImageSummary,
  JsonMessage,
} from "../wire/index.ts";
import { type LoadOptions, loadImages } from "./archive/load.ts";
import { saveImages } from "./archive/save.ts";
import { Catalog } from "./catalog.ts";
import { type CommitOptions, commitSnapshot } from "./commit.ts";
import { ContainerSnapshots } from "./container-snapshots.ts";
import type { ImageContext } from "./context.ts";
import type { ImageFilters } from "./filters.ts";
import { type ImportOptions, importImage } from "./import.ts";
import { imageHistory, inspectImage } from "./inspect.ts";
import { Layers } from "./layers.ts";
import { type ListOptions, listImages } from "./list.ts";
import { pruneImages } from "./prune.ts";
import { familiarName } from "./reference.ts";
import { RegistryOperations, type RequestedImage } from "./registry/operations.ts";
import { TravelRecords } from "./registry/records.ts";
import { type RemoveOptions, removeImage } from "./remove.ts";
import { checkPlatform, resolveImage } from "./resolve.ts";
import type { Snapshotter } from "./snapshots/snapshotter.ts";
import { tagImage } from "./tag.ts";
import { Users } from "./users.ts";

export interface ImagesOptions {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly snapshotter: Snapshotter;
  readonly emit: EmitEvent;
  /** A directory on the disk that layers are written to: it is not filled to the brim. */
  readonly dataRoot: string;
  /** For the words of `rmi`: whether a container that holds an image runs. */
  readonly isRunning?: (containerId: string) => boolean;
  /** How registries are reached; Docker's defaults where nothing is said. */
  readonly registries?: RegistriesConfig;
  readonly patience?: Patience;
}

/** What `resolve` tells of an image. */
export interface ResolvedImage {
  readonly id: Digest;
  /** What the image says about containers made from it. */
  readonly config: ImageConfig;
  /** `busybox:latest`, or the id where it was named by it. */
  readonly reference: string;
  readonly os: string;
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm",
  ia32: "386",
};

/**
 * The images of this engine: an image is its configuration, kept byte for byte and named by its digest, over layers
 * that images share. A name points at an image. Everything that is said to have happened is on disk.
 */
export class Images {
  readonly #context: ImageContext;
  readonly #snapshotter: Snapshotter;
  readonly #dataRoot: string;
  /** What goes between here and registries. */
  readonly registry: RegistryOperations;
  /** Writable layers of containers. */
  readonly snapshots: ContainerSnapshots;

  private constructor(
    context: ImageContext,
    snapshotter: Snapshotter,
    dataRoot: string,
    registry: RegistryOperations,
  ) {
    this.registry = registry;
    this.#context = context;
    this.#snapshotter = snapshotter;
    this.#dataRoot = dataRoot;
    this.snapshots = new ContainerSnapshots(context.catalog, context.layers, snapshotter);
  }

  /** Reads what is there, and removes what a crash left half done. */
  static async open(options: ImagesOptions): Promise<Images> {
    const { db, blobs, snapshotter, emit, dataRoot, isRunning } = options;
    const catalog = new Catalog(db);
    const records = new TravelRecords(db);
    const context: ImageContext = {
      catalog,
      records,
      layers: new Layers(catalog, records, blobs, snapshotter),
      users: new Users(isRunning ?? (() => false)),
      emit,
      platform: { os: "linux", architecture: ARCHITECTURES[process.arch] ?? process.arch },
    };
    const { registries = DEFAULT_REGISTRIES, patience } = options;
    const registry = new RegistryOperations(context, registries, dataRoot, patience);
    const images = new Images(context, snapshotter, dataRoot, registry);
    await images.snapshots.sweep();
    await context.layers.sweep();
    return images;
  }

  /** @throws NotFound `No such image: x:latest`; InvalidParameter `invalid reference format` */
  resolve(reference: string, platform?: string): ResolvedImage {
    const { record, name } = resolveImage(this.#context, reference);
    checkPlatform(record, reference, platform);
    const { id, config, os } = record.document;
    return { id, config, os, reference: name === undefined ? id : familiarName(name) };
  }

  /** The image is in use by this container; told anew at each daemon start. */
  hold(containerId: string, imageId: string): void {
    this.#context.users.hold(containerId, imageId as Digest);
  }

  release(containerId: string): void {
    this.#context.users.release(containerId);
  }

  async list(options?: ListOptions): Promise<ImageSummary[]> {
    return listImages(this.#context, options);
  }

  async inspect(name: string, options: { platform?: string | undefined } = {}): Promise<ImageInspect> {
    const { record } = resolveImage(this.#context, name);
    checkPlatform(record, name, options.platform);
    return inspectImage(this.#context, record, this.#snapshotter.driver);
  }

  async history(name: string, options: { platform?: string | undefined } = {}): Promise<ImageHistoryItem[]> {
    const { record } = resolveImage(this.#context, name);
    checkPlatform(record, name, options.platform);
    return imageHistory(this.#context, record);
  }

  tag(name: string, repository: string, tag?: string): Promise<void> {
    return tagImage(this.#context, name, repository, tag);
  }

  remove(name: string, options?: RemoveOptions): Promise<ImageDeleteItem[]> {
    return removeImage(this.#context, name, options);
  }

  prune(filters: ImageFilters = {}): Promise<ImagePruneResponse> {
    return pruneImages(this.#context, filters);
  }

  /** @returns the new image's id */
  import(source: AsyncIterable<Uint8Array>, options: ImportOptions = {}): Promise<Digest> {
    return importImage(this.#context, source, options, this.#dataRoot);
  }

  load(
    source: AsyncIterable<Uint8Array>,
    options: LoadOptions = {},
    report: (message: JsonMessage) => void = () => {},
  ): Promise<void> {
    return loadImages(this.#context, source, options, this.#dataRoot, report);
  }

  /** `docker pull`; without a tag, of all tags. `auth` is the API's `X-Registry-Auth`. */
  pull(
    image: RequestedImage,
    auth: string | undefined,
    report: (message: JsonMessage) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return this.registry.pull(image, auth, report, signal);
  }

  /** `docker push`; without a tag, of all tags. */
  push(
    image: RequestedImage,
    auth: string | undefined,
    report: (message: JsonMessage) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return this.registry.push(image, auth, report, signal);
  }

  search(...search: Parameters<RegistryOperations["search"]>): ReturnType<RegistryOperations["search"]> {
    return this.registry.search(...search);
  }

  /** What a registry has under a name. */
  distribution(name: string, auth: string | undefined, signal: AbortSignal): Promise<DistributionInspect> {
    return this.registry.distribution(name, auth, signal);
  }

  /** @throws NotFound at once, before the first byte */
  save(names: readonly string[], options: { platform?: string | undefined } = {}): AsyncIterable<Uint8Array> {
    return saveImages(this.#context, names, options.platform);
  }

  async commit(options: CommitOptions): Promise<{ id: Digest }> {
    const snapshot = this.snapshots.get(options.containerId);
    return { id: await commitSnapshot(this.#context, this.#snapshotter, snapshot, options) };
  }

  /** Bytes that all layers take, each once: `LayersSize` of `system df`. */
  layersSize(): number {
    return this.#context.catalog.layers().reduce((sum, { contentBytes }) => sum + contentBytes, 0);
  }

  /** How many images there are, for `info`. */
  count(): number {
    return this.#context.catalog.all().length;
  }

  async close(): Promise<void> {
    await this.#snapshotter.close();
  }
}
