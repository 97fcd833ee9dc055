import { setDefaultTimeout } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Trash } from "../../store/index.ts";
import { IndexedLayers } from "../erofs/indexed-layers.ts";
import { testSnapshotter } from "./snapshotter.suite.ts";
import { StackedSnapshotter } from "./stacked-snapshotter.ts";
import { UnpackedLayers } from "./unpacked-layers.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

testSnapshotter("snapshots over unpacked layers", async (root) => {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const trash = Trash.open(join(root, "trash"));
  return await StackedSnapshotter.open(
    root,
    await UnpackedLayers.open(join(root, "layers"), trash, async () => {}),
    trash,
  );
});

for (const mode of ["detached", "attached"] as const) {
  testSnapshotter(`snapshots over indexed layers, ${mode}`, async (root) => {
    await mkdir(root, { recursive: true, mode: 0o700 });
    const trash = Trash.open(join(root, "trash"));
    const tarPath = (diffId: string) => join(root, "..", `${diffId}.tar`);
    const store = await IndexedLayers.open(join(root, "layers"), tarPath, mode);
    return await StackedSnapshotter.open(root, store, trash);
  });
}
