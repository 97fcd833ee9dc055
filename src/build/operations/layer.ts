import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openRoot, type RootDir } from "../../linux/index.ts";
import type { DiffId, HeldLayers } from "../ports.ts";
import type { BuildScope, LayersResult } from "../solve/contract.ts";

/** Layers that hold on to themselves. */
export function heldResult(held: HeldLayers): LayersResult {
  return { kind: "layers", layers: held.layers, [Symbol.dispose]: () => held[Symbol.dispose]() };
}

/** No layers at all: there is nothing to hold. */
export const NO_LAYERS: LayersResult = { kind: "layers", layers: [], [Symbol.dispose]: () => {} };

/** The stack with one layer more, which comes as a tar. */
export async function withLayer(
  { layers }: BuildScope,
  base: readonly DiffId[],
  tar: AsyncIterable<Uint8Array>,
): Promise<LayersResult> {
  await using received = await layers.receive(tar);
  using kept = await received.keep();
  return heldResult(await layers.hold([...base, ...kept.layers]));
}

/** The stack as it is. */
export async function unchanged({ layers }: BuildScope, base: readonly DiffId[]): Promise<LayersResult> {
  return base.length === 0 ? NO_LAYERS : heldResult(await layers.hold(base));
}

/** What layers show; undefined where there are none. Dispose of it. */
export async function viewOf({ layers }: BuildScope, stack: readonly DiffId[]): Promise<RootDir | undefined> {
  return stack.length === 0 ? undefined : await layers.view(stack);
}

/** The same with an empty tree for no layers. Dispose of it. */
export async function viewOrEmpty(scope: BuildScope, stack: readonly DiffId[]): Promise<RootDir> {
  return (await viewOf(scope, stack)) ?? openRoot(await newDirectory(scope, "empty"));
}

/** A new directory for the build's own work. */
export function newDirectory({ directory }: BuildScope, name: string): Promise<string> {
  return mkdtemp(join(directory, `${name}-`));
}
