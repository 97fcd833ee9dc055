import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Snapshotter } from "./snapshotter.ts";
import { StackedSnapshotter } from "./stacked-snapshotter.ts";
import { Trash } from "./trash.ts";
import { UnpackedLayers } from "./unpacked-layers.ts";

export interface SnapshotterOptions {
  /** The snapshots' own directory, made if missing. */
  readonly root: string;
  /** On the same file system. */
  readonly trash: string;
}

/** Opens the snapshotter that suits this kernel. */
export async function openSnapshotter({ root, trash: trashPath }: SnapshotterOptions): Promise<Snapshotter> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const trash = await Trash.open(trashPath);
  const store = await UnpackedLayers.open(join(root, "layers"), trash);
  return await StackedSnapshotter.open(root, store, trash);
}
