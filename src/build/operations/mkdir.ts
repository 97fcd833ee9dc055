import { type FileDigests, hasNames, KnownShapes, LayerPlan, resolveOwner } from "../contents/index.ts";
import type { OperationKind, Result, Work } from "../solve/contract.ts";
import { baseKey, baseLayers } from "./base.ts";
import { baseView, withPlanned } from "./base-view.ts";
import { cacheKey } from "./key.ts";
import { unchanged } from "./layer.ts";

const MODE = 0o755;

/** `WORKDIR`: a layer only where the folder is missing. It and those above it that are made belong to `USER`. */
export function mkdir(digests: FileDigests, shapes = new KnownShapes()): OperationKind<"mkdir"> {
  return {
    key: async (work) => {
      const { path, user } = work.operation;
      const base = await baseKey(work.inputs[0]!, work, digests);
      return cacheKey("mkdir", 1, [base, path, user, work.context.epoch]);
    },
    run: (work) => makeDirectory(work, digests, shapes),
  };
}

async function makeDirectory(
  { operation, inputs, context, signal }: Work<"mkdir">,
  digests: FileDigests,
  shapes: KnownShapes,
): Promise<Result> {
  const { path, user } = operation;
  using base = await baseLayers(inputs[0]!, { context, signal }, digests);
  await using undo = new AsyncDisposableStack();
  const shared = { context, signal, shapes };
  const { files, names } = await baseView({ ...shared, needsNames: hasNames(user) }, base.layers, undo);
  const plan = new LayerPlan(files);
  plan.makeDirectory(path, MODE, user === "" ? undefined : resolveOwner(names, user));
  if (plan.isEmpty) return await unchanged(context, base.layers);
  return await withPlanned(shared, base.layers, plan);
}
