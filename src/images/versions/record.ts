import { currentCaller } from "../../lib/caller/index.ts";
import { type Digest, faultPoint } from "../../lib/index.ts";
import type { ImageDocument } from "../config.ts";
import type { ImageContext } from "../context.ts";
import { sizeOfLayers } from "../sizes.ts";
import { describeMove, type Move } from "./moves.ts";
import { summarize } from "./summary.ts";

/**
 * Records that a name, in full, points at another image now, or at none. To be called in the transaction that moves it,
 * so that there are both or neither.
 * @returns the version's number; undefined where none are kept
 */
export function recordMove(
  context: ImageContext,
  name: string,
  { before, after, how }: { before: Digest | undefined; after: Digest | undefined; how: Move },
): number | undefined {
  const { catalog, versions } = context;
  if (versions.limits.count === 0) return undefined;
  faultPoint("name-moved");
  const last = versions.records.last(name);
  // While moves were not recorded, it came to point somewhere that no version tells of.
  if (before !== undefined && last?.image !== before) addEarlier(context, name, before);
  const [old, now] = [before ?? lastImage(context, name), after].map((id) =>
    id === undefined ? undefined : catalog.getRemoved(id)?.document,
  );
  const { user, client } = currentCaller();
  const number = versions.records.add({
    name,
    timeMs: Date.now(),
    image: after,
    before,
    user,
    client,
    how: describeMove(how),
    ...measure(context, now),
    changes: old === undefined || now === undefined ? undefined : summarize(catalog, old, now),
  });
  versions.whenMoved(name);
  faultPoint("version-recorded");
  return number;
}

function addEarlier(context: ImageContext, name: string, image: Digest): void {
  const record = context.catalog.getRemoved(image);
  context.versions.records.add({
    name,
    timeMs: Date.parse(record?.lastTagged ?? "") || Date.now(),
    image,
    before: undefined,
    user: "",
    client: "",
    how: describeMove({ kind: "earlier" }),
    ...measure(context, record?.document),
    changes: undefined,
  });
}

/** What a name that points nowhere pointed at before it was removed. */
function lastImage({ versions }: ImageContext, name: string): Digest | undefined {
  return versions.records.of(name).find(({ image }) => image !== undefined)?.image;
}

function measure(
  { catalog }: ImageContext,
  document: ImageDocument | undefined,
): { sizeBytes: number; layers: number } {
  const layers = document?.layers ?? [];
  return { sizeBytes: sizeOfLayers(catalog, layers), layers: layers.length };
}
