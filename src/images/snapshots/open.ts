import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { log, systemError } from "../../lib/index.ts";
import { blobPath, type Trash } from "../../store/index.ts";
import { IndexedLayers } from "../erofs/indexed-layers.ts";
import type { LayerStore } from "./layer-store.ts";
import type { Snapshotter } from "./snapshotter.ts";
import { StackedSnapshotter } from "./stacked-snapshotter.ts";
import { UnpackedLayers } from "./unpacked-layers.ts";

/** `erofs`: layers are indexed, never unpacked; `overlay`: unpacked into directories; `auto`: the first if it works. */
export type SnapshotterName = "auto" | "erofs" | "overlay";

export interface SnapshotterOptions {
  /** The snapshots' own directory, made if missing. */
  readonly root: string;
  /** On the same file system. */
  readonly trash: Trash;
  /** The blob store's directory, which has the layers' tars; `blobs` beside the snapshots' by default. */
  readonly blobs?: string | undefined;
  readonly name?: SnapshotterName | undefined;
}

/**
 * Opens the snapshotter that suits this kernel, or the one that was asked for. Layers of the other kind stay where they
 * are; those that are needed are made anew from their tars.
 * @throws System where the kernel cannot do what was asked for
 */
export async function openSnapshotter(options: SnapshotterOptions): Promise<Snapshotter> {
  const { root, trash, name = "auto" } = options;
  await mkdir(root, { recursive: true, mode: 0o700 });
  return await StackedSnapshotter.open(root, await openStore(options, name, trash), trash);
}

async function openStore(
  { root, blobs = join(dirname(root), "blobs") }: SnapshotterOptions,
  name: SnapshotterName,
  trash: Trash,
): Promise<LayerStore> {
  const indexes = join(root, "indexes");
  const trial = name === "overlay" ? undefined : await IndexedLayers.tryOut(indexes);
  if (trial !== undefined && "mode" in trial) {
    return await IndexedLayers.open(indexes, (diffId) => blobPath(blobs, diffId), trial.mode);
  }
  if (name === "erofs") throw systemError(`this kernel cannot mount layers with EROFS: ${trial?.failure}`);
  if (trial !== undefined)
    log.info("layers are unpacked, because EROFS cannot be used", { reason: trial.failure });
  return await UnpackedLayers.open(join(root, "layers"), trash);
}
