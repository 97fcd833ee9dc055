import { type Digest, digestOf } from "../../lib/index.ts";
import type { DiffId, NewImage } from "../ports.ts";
import type { Outcomes } from "../solve/scheduler.ts";
import { timeOf } from "./history.ts";
import { inlineCache } from "./inline-cache.ts";
import type { BuiltStages } from "./output.ts";

/** How much of a build an exported cache has: what its result is made of, or all steps. */
export type CacheMode = "min" | "max";

/**
 * `--cache-to type=registry` and `type=local`: an image that nobody runs. Its layers are the steps' results, and its configuration
 * says of which, so that it is imported as any image with a cache in it is.
 */
export function cacheImage(built: BuiltStages, mode: CacheMode, names: readonly string[]): NewImage {
  const { graph, outcomes, plan } = built;
  const chosen = mode === "max" ? outcomes : neededBy(graph.target, built);
  const layers = layersOf(chosen);
  const times = timesOf(chosen);
  return {
    created: undefined,
    author: "",
    platform: plan.target!.platform,
    config: {},
    layers,
    history: layers.map((layer) => ({ createdBy: "build cache", created: timeOf(times.get(layer)) })),
    names,
    parent: undefined,
    inlineCache: inlineCache(chosen, layers),
    how: () => ({
      dockerfile: digestOf(""),
      context: undefined,
      arguments: {},
      bases: [],
      provenance: undefined,
    }),
  };
}

/** The steps whose layers are all part of the target's result. */
function neededBy(target: Digest | undefined, { outcomes }: BuiltStages): Outcomes {
  const result = target === undefined ? undefined : outcomes.get(target)?.result;
  const own = new Set(result?.kind === "layers" ? result.layers : []);
  return new Map(
    [...outcomes].filter(
      ([, { result: each }]) => each.kind === "layers" && each.layers.every((layer) => own.has(layer)),
    ),
  );
}

/** Each once, below those that came on top of it. */
function layersOf(outcomes: Outcomes): readonly DiffId[] {
  const layers = new Set<DiffId>();
  for (const { key, result } of outcomes.values()) {
    if (key === undefined || result.kind !== "layers") continue;
    for (const layer of result.layers) layers.add(layer);
  }
  return [...layers];
}

function timesOf(outcomes: Outcomes): ReadonlyMap<DiffId, number> {
  const times = new Map<DiffId, number>();
  for (const { newLayers, createdMs } of outcomes.values()) {
    if (createdMs !== undefined) for (const layer of newLayers) times.set(layer, createdMs);
  }
  return times;
}
