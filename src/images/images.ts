import { DEFAULT_REGISTRIES, type Patience, type RegistriesConfig } from "../distribution/index.ts";
import { type Digest, type EmitEvent, log, messageOf } from "../lib/index.ts";
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
import { BuildImages } from "./build-images.ts";
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
import { sizeOfImages } from "./sizes.ts";
import type { Snapshotter } from "./snapshots/snapshotter.ts";
import { tagImage } from "./tag.ts";
import { Users } from "./users.ts";
import { ImageVersions } from "./versions/image-versions.ts";
import { DEFAULT_VERSION_LIMITS, type VersionLimits, Versions } from "./versions/versions.ts";

export interface ImagesOptions {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly snapshotter: Snapshotter;
  readonly emit: EmitEvent;
  /** A directory on the disk that layers are written to: it is not filled to the brim. */
  readonly dataRoot: string;
  /** What is free there; the disk is asked where it is not given. */
  readonly freeBytes?: (() => Promise<number>) | undefined;
  /** For the words of `rmi`: whether a container that holds an image runs. */
  readonly isRunning?: (containerId: string) => boolean;
  /** How registries are reached; Docker's defaults where nothing is said. */
  readonly registries?: RegistriesConfig;
  readonly patience?: Patience;
  /** How many versions of each name are kept. */
  readonly versions?: VersionLimits | undefined;
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
  /** What goes between here and registries. */
  readonly registry: RegistryOperations;
  /** Writable layers of containers. */
  readonly snapshots: ContainerSnapshots;
  /** Where names pointed before, and what is in images. */
  readonly versions: ImageVersions;
  /** For builds: what they begin with, and where they leave what they made. */
  readonly builds: BuildImages;

  private constructor(context: ImageContext, snapshotter: Snapshotter, registry: RegistryOperations) {
    this.registry = registry;
    this.#context = context;
    this.#snapshotter = snapshotter;
    this.snapshots = new ContainerSnapshots(context.catalog, context.layers, snapshotter);
    this.versions = new ImageVersions(context, snapshotter);
    this.builds = new BuildImages(context, registry, snapshotter);
  }

  /** Reads what is there, and removes what a crash left half done. */
  static async open(options: ImagesOptions): Promise<Images> {
    const { db, blobs, snapshotter, emit, dataRoot, isRunning } = options;
    const catalog = new Catalog(db);
    const records = new TravelRecords(db);
    const context: ImageContext = {
      catalog,
      records,
      layers: new Layers(catalog, records, blobs, snapshotter, {
        directory: dataRoot,
        freeBytes: options.freeBytes,
      }),
      users: new Users(isRunning ?? (() => false)),
      versions: new Versions(db, options.versions ?? DEFAULT_VERSION_LIMITS),
      emit,
      platform: { os: "linux", architecture: ARCHITECTURES[process.arch] ?? process.arch },
    };
    const { registries = DEFAULT_REGISTRIES, patience } = options;
    const registry = new RegistryOperations(context, registries, patience);
    const images = new Images(context, snapshotter, registry);
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
    return importImage(this.#context, source, options);
  }

  load(
    source: AsyncIterable<Uint8Array>,
    options: LoadOptions = {},
    report: (message: JsonMessage) => void = () => {},
  ): Promise<void> {
    return loadImages(this.#context, source, options, report);
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

  /** `docker manifest inspect` of what a registry has. */
  manifests(
    ...asked: Parameters<RegistryOperations["manifests"]>
  ): ReturnType<RegistryOperations["manifests"]> {
    return this.registry.manifests(...asked);
  }

  /** `docker manifest push`. */
  pushManifestList(
    ...pushed: Parameters<RegistryOperations["pushManifestList"]>
  ): ReturnType<RegistryOperations["pushManifestList"]> {
    return this.registry.pushManifestList(...pushed);
  }

  /** What a registry has under a name. */
  distribution(name: string, auth: string | undefined, signal: AbortSignal): Promise<DistributionInspect> {
    return this.registry.distribution(name, auth, signal);
  }

  /**
   * @param options.reuse each piece holds only until the next is asked for
   * @throws NotFound at once, before the first byte
   */
  save(
    names: readonly string[],
    { platform, reuse }: { platform?: string | undefined; reuse?: boolean } = {},
  ): AsyncIterable<Uint8Array> {
    return saveImages(this.#context, names, platform, { reuse });
  }

  async commit(options: CommitOptions): Promise<{ id: Digest }> {
    const snapshot = this.snapshots.get(options.containerId);
    return { id: await commitSnapshot(this.#context, this.#snapshotter, snapshot, options) };
  }

  /** Bytes that all layers take, each once, with the compressed forms that they came in: `LayersSize` of `system df`. */
  layersSize(): number {
    return sizeOfImages(this.#context);
  }

  /** How many images there are, for `info`. */
  count(): number {
    return this.#context.catalog.all().length;
  }

  async close(): Promise<void> {
    await this.versions.close();
    await this.#context.layers
      .settleAll()
      .catch((error: unknown) => log.warn("cannot write layers to disk", { error: messageOf(error) }));
    await this.#snapshotter.close();
  }
}
