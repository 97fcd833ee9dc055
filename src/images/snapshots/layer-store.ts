import type { DiffId, LayerReceiver } from "./snapshotter.ts";

/** Layers that are held open, as directories for an overlay to be stacked from. */
export interface OpenLayers extends Disposable {
  /** Topmost first. Valid until disposed of; an overlay that was mounted from them holds them itself. */
  readonly paths: readonly string[];
}

/** The part of a snapshotter that differs: how layers are kept, and shown as directories. */
export interface LayerStore {
  /** As Docker's `Driver` shows it. */
  readonly driver: string;
  receive(): Promise<LayerReceiver>;
  has(diffId: DiffId): Promise<boolean>;
  list(): Promise<DiffId[]>;
  remove(diffId: DiffId): Promise<void>;
  sync(layers: readonly DiffId[]): Promise<void>;
  /** Bottom first, each once. @throws NotFound where one is missing */
  open(layers: readonly DiffId[]): Promise<OpenLayers>;
  close(): Promise<void>;
}
