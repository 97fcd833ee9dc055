import { type Digest, isDigest } from "../../lib/index.ts";
import type { DiffId, FoundImage } from "../ports.ts";
import type { ImportedResult, ImportedResults, Outcomes } from "../solve/scheduler.ts";

/**
 * What an image's configuration says of the steps that made it, so that a build on another machine may take its layers
 * instead of doing them again (`BUILDKIT_INLINE_CACHE=1`, `--cache-from`). Layers are numbers of the image's own.
 */
interface InlineCache {
  readonly version: 1;
  readonly results: readonly { readonly key: Digest; readonly layers: readonly number[] }[];
}

const RESULTS_MAX = 10_000;

/** The results whose layers the image has. */
export function inlineCache(outcomes: Outcomes, imageLayers: readonly DiffId[]): InlineCache {
  const numbers = new Map(imageLayers.map((layer, number) => [layer, number]));
  const results = [...outcomes.values()].flatMap(({ key, result }) => {
    if (key === undefined || result.kind !== "layers") return [];
    const layers = result.layers.map((layer) => numbers.get(layer));
    return layers.every((number) => number !== undefined) ? [{ key, layers }] : [];
  });
  // The same input gives the same bytes, in whatever order the steps ended.
  results.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { version: 1, results };
}

/** Results of images that `--cache-from` names. What a stranger wrote is checked; an image can only give its own layers. */
export function importedResults(images: readonly FoundImage[]): ImportedResults {
  const found = new Map<Digest, ImportedResult>();
  for (const image of images) {
    const times = layerTimes(image);
    for (const { key, numbers } of readResults(image.inlineCache)) {
      const layers = numbers.map((number) => image.layers[number]);
      if (!layers.every((layer) => layer !== undefined)) continue;
      found.set(key, { layers, createdMs: times[Math.max(-1, ...numbers)] });
    }
  }
  return { find: (key) => found.get(key) };
}

/** When each layer was made, in milliseconds, as the image's history has it. */
function layerTimes({ history, layers }: FoundImage): readonly (number | undefined)[] {
  const made = history.filter(({ emptyLayer }) => emptyLayer !== true);
  if (made.length !== layers.length) return [];
  return made.map(({ created }) => {
    const time = created === undefined ? Number.NaN : Date.parse(created);
    return Number.isNaN(time) ? undefined : time;
  });
}

function readResults(written: unknown): { key: Digest; numbers: number[] }[] {
  if (typeof written !== "object" || written === null) return [];
  const { version, results } = written as { version?: unknown; results?: unknown };
  if (version !== 1 || !Array.isArray(results) || results.length > RESULTS_MAX) return [];
  return results.flatMap((result: unknown) => {
    const { key, layers } = (result ?? {}) as { key?: unknown; layers?: unknown };
    if (typeof key !== "string" || !isDigest(key) || !Array.isArray(layers)) return [];
    if (!layers.every((number) => Number.isSafeInteger(number) && number >= 0)) return [];
    return [{ key, numbers: layers as number[] }];
  });
}
