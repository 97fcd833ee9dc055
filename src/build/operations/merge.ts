import type { FileDigests } from "../contents/index.ts";
import type { OperationKind } from "../solve/contract.ts";
import { baseKey, baseLayers } from "./base.ts";
import { cacheKey } from "./key.ts";
import { unchanged } from "./layer.ts";

/** `COPY --link`: the layer of the copy, which knows nothing of what is below it, on top of the stage's. */
export function merge(digests: FileDigests): OperationKind<"merge"> {
  return {
    key: async (work) => {
      const inputs = work.inputs.map((input) => baseKey(input, work, digests));
      return cacheKey("merge", 1, await Promise.all(inputs));
    },
    run: async (work) => {
      using below = await baseLayers(work.inputs[0]!, work, digests);
      using above = await baseLayers(work.inputs[1]!, work, digests);
      return await unchanged(work.context, [...below.layers, ...above.layers]);
    },
  };
}
