import { type FileDigests, LayerPlan, layersTree, layerTar, resolveOwner } from "../contents/index.ts";
import type { OperationKind, Result, Work } from "../solve/contract.ts";
import { baseKey, baseLayers } from "./base.ts";
import { cacheKey } from "./key.ts";
import { unchanged, viewOf, withLayer } from "./layer.ts";

const MODE = 0o755;

/** `WORKDIR`: a layer only where the folder is missing. It and those above it that are made belong to `USER`. */
export function mkdir(digests: FileDigests): OperationKind<"mkdir"> {
  return {
    key: async (work) => {
      const { path, user } = work.operation;
      const base = await baseKey(work.inputs[0]!, work, digests);
      return cacheKey("mkdir", 1, [base, path, user, work.context.epoch]);
    },
    run: (work) => makeDirectory(work, digests),
  };
}

async function makeDirectory(work: Work<"mkdir">, digests: FileDigests): Promise<Result> {
  const { operation, inputs, context, signal } = work;
  using base = await baseLayers(inputs[0]!, work, digests);
  using view = await viewOf(context, base.layers);
  const tree = view && layersTree(view);
  const plan = new LayerPlan(tree);
  const { path, user } = operation;
  plan.makeDirectory(path, MODE, user === "" ? undefined : resolveOwner(tree, user));
  if (plan.isEmpty) return await unchanged(context, base.layers);
  return await withLayer(context, base.layers, layerTar(plan, { epoch: context.epoch, signal }));
}
