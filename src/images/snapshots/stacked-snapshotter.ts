import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { mountOverlay, openOverlay, openRoot, type RootDir } from "../../linux/index.ts";
import type { Trash } from "../../store/index.ts";
import type { FilesystemChange } from "../../wire/index.ts";
import type { LayerStore, OpenLayers } from "./layer-store.ts";
import type {
  ChangeOptions,
  DiffId,
  LayerReceiver,
  MountOptions,
  Snapshot,
  Snapshotter,
} from "./snapshotter.ts";
import { WritableDirectories } from "./writable.ts";

/**
 * Nothing in the upper directory may point elsewhere in the layers (a renamed directory, a file of which only the
 * metadata was copied up): it has to be a layer by itself, for `diff`. Kernels may have these on by default.
 */
const OPTIONS = ["redirect_dir=off", "metacopy=off", "index=off"];

/** Snapshots by overlayfs, over whatever keeps the layers. */
export class StackedSnapshotter implements Snapshotter {
  readonly #store: LayerStore;
  readonly #writable: WritableDirectories;
  readonly #trash: Trash;
  /** What an overlay stands on where an image has no layers. */
  readonly #empty: string;

  private constructor(store: LayerStore, writable: WritableDirectories, trash: Trash, empty: string) {
    this.#store = store;
    this.#writable = writable;
    this.#trash = trash;
    this.#empty = empty;
  }

  /** `root` is the snapshots' own directory. The store becomes the snapshotter's, and it closes the trash, too. */
  static async open(root: string, store: LayerStore, trash: Trash): Promise<StackedSnapshotter> {
    const empty = join(root, "empty");
    await mkdir(empty, { recursive: true, mode: 0o700 });
    const writable = await WritableDirectories.open(join(root, "writable"), trash);
    return new StackedSnapshotter(store, writable, trash, empty);
  }

  get driver(): string {
    return this.#store.driver;
  }

  receive(): Promise<LayerReceiver> {
    return this.#store.receive();
  }

  hasLayer(diffId: DiffId): Promise<boolean> {
    return this.#store.has(diffId);
  }

  layers(): Promise<DiffId[]> {
    return this.#store.list();
  }

  removeLayer(diffId: DiffId): Promise<void> {
    return this.#store.remove(diffId);
  }

  sync(layers: readonly DiffId[]): Promise<void> {
    return this.#store.sync(layers);
  }

  prepare(snapshot: Snapshot): Promise<void> {
    return this.#writable.prepare(snapshot);
  }

  async mount({ key, layers }: Snapshot, target: string, { volatile }: MountOptions): Promise<void> {
    this.#writable.open(key).close();
    using lower = await this.#open(layers);
    mountOverlay({
      lower: lower.paths.length > 0 ? lower.paths : [this.#empty],
      upper: this.#writable.upper(key),
      work: this.#writable.work(key),
      target,
      volatile,
      options: OPTIONS,
    });
  }

  async view({ key, layers }: Snapshot): Promise<RootDir> {
    this.#writable.open(key).close();
    using lower = await this.#open(layers);
    return this.#readOnly([this.#writable.upper(key), ...lower.paths]);
  }

  async viewLayers(layers: readonly DiffId[]): Promise<RootDir> {
    using lower = await this.#open(layers);
    return lower.paths.length === 1 ? openRoot(lower.paths[0]!) : this.#readOnly(lower.paths);
  }

  /** An overlay without an upper directory needs two lower ones. */
  #readOnly(paths: readonly string[]): RootDir {
    const lower = paths.length > 1 ? paths : [...paths, this.#empty];
    return lower.length > 1 ? openOverlay({ lower, options: OPTIONS }) : openRoot(this.#empty);
  }

  /**
   * A stack may name a layer twice, which overlayfs refuses. The lower of the two shows nothing that the upper one
   * does not show as well, so that it can be left out.
   */
  #open(layers: readonly DiffId[]): Promise<OpenLayers> {
    return this.#store.open(layers.filter((diffId, at) => layers.lastIndexOf(diffId) === at));
  }

  remove(key: string): Promise<void> {
    return this.#writable.remove(key);
  }

  snapshots(): Promise<string[]> {
    return this.#writable.list();
  }

  usage(key: string): Promise<number> {
    return this.#writable.usage(key);
  }

  async changes({ key, layers }: Snapshot, options?: ChangeOptions): Promise<FilesystemChange[]> {
    using lower = await this.viewLayers(layers);
    return await this.#writable.changes(key, lower, options);
  }

  async *diff(
    { key, layers }: Snapshot,
    options?: ChangeOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    using lower = await this.viewLayers(layers);
    yield* this.#writable.diff(key, lower, options);
  }

  data({ key }: Snapshot): Record<string, string> {
    return { UpperDir: this.#writable.upper(key), WorkDir: this.#writable.work(key) };
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.#trash.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
