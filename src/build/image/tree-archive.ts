import { packTree } from "../../linux/index.ts";
import type { DiffId, Layers } from "../ports.ts";

/** The files of a stack of layers as one tar: `-o type=tar`, and what a client unpacks for `type=local`. */
export async function* treeArchive(
  layers: Layers,
  stack: readonly DiffId[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  using root = await layers.view(stack);
  for await (const bytes of packTree(root, "/", { name: "" })) {
    signal.throwIfAborted();
    yield bytes;
  }
}
