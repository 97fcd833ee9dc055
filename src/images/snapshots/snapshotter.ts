import type { Digest } from "../../lib/index.ts";
import type { RootDir } from "../../linux/index.ts";
import type { FilesystemChange } from "../../wire/index.ts";

/**
 * How layers are kept and stacked.
 *
 * Words. A *layer* is the content of one uncompressed tar, named by its *diff id*, the digest of that tar. Layers
 * never change and know nothing of each other, so that images share them in whatever order they stack them. A
 * *snapshot* is a writable directory over a stack of layers, named by a *key* of its owner's choice (a container's
 * id). The *root file system* is what a process sees of it: the stack, with the snapshot's changes on top.
 *
 * The life of a layer. The bytes of its tar go to a *receiver* while they also go to the blob store, in one pass. When
 * the tar has ended and its digest is known, `stage` and `commit` make the layer durable under it; what is dropped before,
 * or found to be no proper tar, leaves nothing. The layer is then there until `removeLayer`. Which layers are wanted is
 * for the caller to know: a snapshotter counts no references.
 *
 * The life of a snapshot. `prepare` makes it, cheaply and empty. `mount` shows its root file system at a directory;
 * the caller takes the mount away again, and may mount it anew later, for the changes stay. `remove` forgets it at
 * once; its files are deleted in the background. A snapshot may be mounted once at a time.
 *
 * Promises. A tar that a stranger wrote never writes outside of its own layer, never follows a link out of it, and is
 * either whole and durable or not there. A crash at any instant leaves only files that the next `open` sweeps.
 * Removing what is not there succeeds. Layers and snapshots are in directories that only root may enter. Nothing
 * is ever mounted from a file that came from outside as it is.
 */
export interface Snapshotter extends AsyncDisposable {
  /** As Docker's `Driver` shows it. */
  readonly driver: string;

  /** Begins to take in a layer. Dispose of the receiver. */
  receive(): Promise<LayerReceiver>;
  hasLayer(diffId: DiffId): Promise<boolean>;
  /** All layers, for sweeping those that nothing names. */
  layers(): Promise<DiffId[]>;
  /** Makes layers durable that were committed without that. */
  sync(layers: readonly DiffId[]): Promise<void>;
  /** The caller knows that no image and no snapshot names it. A layer that is mounted goes when the mount goes. */
  removeLayer(diffId: DiffId): Promise<void>;

  /** Makes an empty snapshot. Does nothing where it is there. */
  prepare(snapshot: Snapshot): Promise<void>;
  /**
   * Mounts the root file system at `target`, an existing directory. `volatile`: nothing needs to survive a power cut.
   * @throws NotFound where the snapshot or one of its layers is missing
   */
  mount(snapshot: Snapshot, target: string, options: MountOptions): Promise<void>;
  /** The root file system, read-only, seen by nobody else; as it is now, without later changes. Dispose of it. */
  view(snapshot: Snapshot): Promise<RootDir>;
  /** Layers without a snapshot, read-only, as one tree, seen by nobody else. Dispose of it. */
  viewLayers(layers: readonly DiffId[]): Promise<RootDir>;
  /** Forgets the snapshot. */
  remove(key: string): Promise<void>;
  /** Keys of all snapshots, for sweeping. */
  snapshots(): Promise<string[]>;

  /** Bytes of all files in the writable directory. */
  usage(key: string): Promise<number>;
  /** What the snapshot changed, as `docker diff` tells it, in the order of paths. */
  changes(snapshot: Snapshot, options?: ChangeOptions): Promise<FilesystemChange[]>;
  /** What the snapshot changed, as the tar of a layer. Chunks belong to the receiver. */
  diff(snapshot: Snapshot, options?: ChangeOptions): AsyncIterable<Uint8Array>;
  /** `GraphDriver.Data` of `inspect`. */
  data(snapshot: Snapshot): Record<string, string>;

  /** Stops background work and gives up what is held open; mounts that others use stay. */
  close(): Promise<void>;
}

/** The digest of a layer's uncompressed tar. */
export type DiffId = Digest & { readonly __layer?: "DiffId" };

export interface Snapshot {
  readonly key: string;
  /** Bottom first, as in an image's configuration. May be empty. */
  readonly layers: readonly DiffId[];
  /** What the layers say about the root directory itself; 0755 root:root where none says anything. */
  readonly root?: RootAttributes | undefined;
}

export interface RootAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface MountOptions {
  readonly volatile: boolean;
}

export interface ChangeOptions {
  /** Absolute paths that the engine made, and that are no change of the user's while they are empty. */
  readonly exclude?: readonly string[];
}

/** What a receiver learned about a layer. */
export interface LayerFacts {
  readonly entries: number;
  /** Bytes of all files, each counted once, and of links' targets: what Docker calls a layer's size. */
  readonly contentBytes: number;
  /** Only where the tar has an entry for the root directory. */
  readonly root?: RootAttributes | undefined;
}

/** One layer on its way in. */
export interface LayerReceiver extends AsyncDisposable {
  /**
   * Takes bytes of the uncompressed tar, which may change when this has resolved. Resolves when more may come.
   * @throws InvalidParameter where the tar is malformed, hostile or beyond the limits
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Says that the tar has ended. Nothing is durable yet. @throws InvalidParameter as `write` */
  end(): Promise<LayerFacts>;
  /**
   * Puts the layer on disk, durable but not yet under its name. `tarPath` is the tar's own file, with all of its bytes
   * in it; it may have another name later.
   */
  stage(tarPath: string, options?: StageOptions): Promise<void>;
  /** Gives the staged layer its name. The tar's file is durable by now, and stays for as long as the layer does. */
  commit(diffId: DiffId, options?: StageOptions): Promise<void>;
}

export interface StageOptions {
  /** Nothing is durable before `Snapshotter.sync`; a power cut until then may leave a damaged layer. */
  readonly later?: boolean | undefined;
}

/** Most entries of one layer: more than any image that is known has, and a bound on memory. */
export const LAYER_ENTRIES_MAX = 1_000_000;
