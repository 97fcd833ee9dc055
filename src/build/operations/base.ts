import {
  type FileDigests,
  LayerPlan,
  layerTar,
  type SelectedSource,
  select,
  selectionDigest,
  sourceTree,
} from "../contents/index.ts";
import type { LayersResult, Result, SourceResult, Work } from "../solve/contract.ts";
import { unchanged, withLayer } from "./layer.ts";

type AnyWork = Pick<Work<"copy" | "mkdir" | "merge">, "context" | "signal">;

const EVERYTHING = { path: "/", wildcards: false } as const;

/** What a key says of the files that a step works on. */
export async function baseKey(input: Result, work: AnyWork, digests: FileDigests): Promise<unknown> {
  if (input.kind === "layers") return input.layers;
  const { tree, sources } = await everything(input, work, digests);
  return await selectionDigest(tree, sources);
}

/**
 * The files that a step works on, as layers. Those of a context (`FROM` may name one) become one of its own.
 * Dispose of it.
 */
export async function baseLayers(input: Result, work: AnyWork, digests: FileDigests): Promise<LayersResult> {
  const { context, signal } = work;
  if (input.kind === "layers") return await unchanged(context, input.layers);
  const { tree, sources } = await everything(input, work, digests);
  const plan = new LayerPlan(undefined);
  for (const source of sources) {
    await plan.copy(tree, source, {
      destination: "/",
      contentsOnly: true,
      owner: undefined,
      change: undefined,
      folderMode: undefined,
    });
  }
  return await withLayer(context, [], layerTar(plan, { epoch: context.epoch, signal }));
}

async function everything(
  { source }: SourceResult,
  { signal }: AnyWork,
  digests: FileDigests,
): Promise<{ tree: ReturnType<typeof sourceTree>; sources: SelectedSource[] }> {
  await digests.load();
  const tree = sourceTree(source, digests);
  return { tree, sources: await select(tree, EVERYTHING, { withDigests: true, signal }) };
}
