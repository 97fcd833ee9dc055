import { type Digest, kindOf, newId } from "../lib/index.ts";
import type { RootDir } from "../linux/index.ts";
import type { Catalog } from "./catalog.ts";
import type { HeldLayer, Layers } from "./layers.ts";
import type { ChangeOptions, DiffId, Snapshot, Snapshotter } from "./snapshots/snapshotter.ts";

/** Layers that are held until this is disposed of. */
export interface HeldBuildLayers extends Disposable {
  readonly layers: readonly DiffId[];
}

export interface NewBuildLayer extends AsyncDisposable {
  readonly diffId: DiffId;
  readonly tarBytes: number;
  /** It is durable when an image with it is recorded, or some time later; a power cut before that takes it away whole. */
  keep(): Promise<HeldBuildLayers>;
}

/** A snapshot that nobody finds again: what was written goes when it is disposed of, or at the daemon's next start. */
export interface BuildTree extends AsyncDisposable {
  mount(target: string): Promise<void>;
  diff(options?: ChangeOptions): AsyncIterable<Uint8Array>;
}

/** Layers for builds: they come fast, are kept by pins, and are seen and written to as trees. */
export class BuildLayers {
  readonly #catalog: Catalog;
  readonly #layers: Layers;
  readonly #snapshotter: Snapshotter;

  constructor(catalog: Catalog, layers: Layers, snapshotter: Snapshotter) {
    this.#catalog = catalog;
    this.#layers = layers;
    this.#snapshotter = snapshotter;
  }

  /** @throws InvalidParameter for a malformed tar, System where the disk has no room; nothing stays */
  async receive(tar: AsyncIterable<Uint8Array>): Promise<NewBuildLayer> {
    const received = await this.#layers.receive(tar);
    const { diffId, tarBytes } = received;
    return {
      diffId,
      tarBytes,
      keep: async () => held([await received.keepLater()]),
      [Symbol.asyncDispose]: () => received[Symbol.asyncDispose](),
    };
  }

  /** @throws NotFound where one is missing */
  async hold(layers: readonly DiffId[]): Promise<HeldBuildLayers> {
    return held(await this.#layers.holdQuickly(layers));
  }

  /** All of them as one tree, read-only. @throws NotFound */
  async view(layers: readonly DiffId[]): Promise<RootDir> {
    return await this.#made(layers, () => this.#snapshotter.viewLayers(layers));
  }

  /** Layers whose form for mounting is missing are made again; to look for that each time would take longer than the work. */
  async #made<T>(layers: readonly DiffId[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (kindOf(error) !== "NotFound") throw error;
      await this.#layers.ensure(layers);
      return await work();
    }
  }

  /** A writable tree over layers, which the caller holds. @throws NotFound */
  async prepare(layers: readonly DiffId[]): Promise<BuildTree> {
    // No row of the catalog names it, so that it is swept at the next start.
    const key = `build-${newId()}`;
    const snapshot: Snapshot = { key, layers, root: this.#catalog.rootOf(layers) };
    await this.#snapshotter.prepare(snapshot);
    return {
      mount: (target) =>
        this.#made(layers, () => this.#snapshotter.mount(snapshot, target, { volatile: true })),
      diff: (options) => this.#snapshotter.diff(snapshot, options),
      [Symbol.asyncDispose]: () => this.#snapshotter.remove(key),
    };
  }

  /** Bytes of the files in a layer. @throws NotFound */
  size(layer: DiffId): number {
    return this.#layers.record(layer).contentBytes;
  }

  isInImage(layer: DiffId): boolean {
    return this.#catalog.isInImage(layer);
  }

  /** Keeps layers for `owner`, across restarts; part of the transaction that is under way. */
  pin(owner: string, layers: readonly DiffId[]): void {
    this.#catalog.pin(owner, layers);
  }

  unpin(owner: string): void {
    this.#catalog.unpin(owner);
  }

  /** Removes the layers that neither an image nor a pin names. @returns the bytes of their files */
  async collect(): Promise<number> {
    const removed = await this.#layers.collect();
    return removed.reduce((sum, { contentBytes }) => sum + contentBytes, 0);
  }
}

function held(layers: readonly HeldLayer[]): HeldBuildLayers {
  return {
    layers: layers.map(({ diffId }): Digest => diffId),
    [Symbol.dispose]: () => {
      for (const layer of layers) layer[Symbol.dispose]();
    },
  };
}
