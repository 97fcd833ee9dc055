import { conflict, type Digest, faultPoint, log, messageOf, notFound } from "../lib/index.ts";
import type { RootDir } from "../linux/index.ts";
import type { FilesystemChange } from "../wire/index.ts";
import type { Catalog } from "./catalog.ts";
import type { Layers } from "./layers.ts";
import { sizeOfLayers } from "./sizes.ts";
import type { ChangeOptions, MountOptions, Snapshot, Snapshotter } from "./snapshots/snapshotter.ts";

/** Writable layers of containers over their images' layers. */
export class ContainerSnapshots {
  readonly #catalog: Catalog;
  readonly #layers: Layers;
  readonly #snapshotter: Snapshotter;

  constructor(catalog: Catalog, layers: Layers, snapshotter: Snapshotter) {
    this.#catalog = catalog;
    this.#layers = layers;
    this.#snapshotter = snapshotter;
  }

  /** The snapshotter's name. */
  get driver(): string {
    return this.#snapshotter.driver;
  }

  /**
   * Makes the writable layer; does nothing where it is there. From now on the image's layers stay, whatever becomes of
   * the image.
   * @throws NotFound where the image is not here
   */
  async prepare(key: string, imageId: string): Promise<void> {
    const image = this.#catalog.get(imageId as Digest);
    if (image === undefined) {
      if (this.#catalog.snapshotImage(key) === imageId) return;
      throw notFound(`No such image: ${imageId}`);
    }
    const isNew = this.#catalog.addSnapshot(key, image.document.id);
    if (!isNew && this.#catalog.snapshotImage(key) !== imageId)
      throw conflict(`snapshot ${key} is of another image`);
    faultPoint("snapshot-recorded");
    try {
      await this.#snapshotter.prepare(this.get(key));
    } catch (error) {
      if (isNew) await this.remove(key);
      throw error;
    }
  }

  /** Mounts the root file system at `target`, an existing directory. */
  async mount(key: string, target: string, options: MountOptions): Promise<void> {
    const snapshot = this.get(key);
    await this.#layers.ensure(snapshot.layers);
    await this.#snapshotter.mount(snapshot, target, options);
  }

  /** The root file system as it is now, read-only; dispose of it. For a container that does not run. */
  async view(key: string): Promise<RootDir> {
    const snapshot = this.get(key);
    await this.#layers.ensure(snapshot.layers);
    return await this.#snapshotter.view(snapshot);
  }

  /** Forgets the layer; its files are deleted in the background. */
  async remove(key: string): Promise<void> {
    await this.#snapshotter.remove(key);
    faultPoint("snapshot-trashed");
    if (!this.#catalog.removeSnapshot(key)) return;
    // The image was removed before, and this was the last that needed its layers. Nobody waits for that.
    this.#layers
      .collect()
      .catch((error: unknown) => log.warn("cannot remove layers", { error: messageOf(error) }));
  }

  async usage(key: string): Promise<{ writableBytes: number; rootFsBytes: number }> {
    const writableBytes = await this.#snapshotter.usage(key);
    return { writableBytes, rootFsBytes: writableBytes + sizeOfLayers(this.#catalog, this.get(key).layers) };
  }

  async changes(key: string, options?: ChangeOptions): Promise<FilesystemChange[]> {
    const snapshot = this.get(key);
    await this.#layers.ensure(snapshot.layers);
    return await this.#snapshotter.changes(snapshot, options);
  }

  /** `GraphDriver.Data` of `inspect`. */
  data(key: string): Record<string, string> {
    return this.#catalog.snapshotImage(key) === undefined ? {} : this.#snapshotter.data(this.get(key));
  }

  /** @throws NotFound */
  get(key: string): Snapshot {
    const id = this.#catalog.snapshotImage(key);
    const image = id === undefined ? undefined : this.#catalog.getRemoved(id);
    if (image === undefined) throw notFound(`no such snapshot: ${key}`);
    const { layers } = image.document;
    return { key, layers, root: this.#catalog.rootOf(layers) };
  }

  /** At the daemon's start: removes what has no row. */
  async sweep(): Promise<void> {
    const known = new Set(this.#catalog.snapshotKeys());
    for (const key of await this.#snapshotter.snapshots()) {
      if (!known.has(key)) await this.#snapshotter.remove(key);
    }
  }
}
