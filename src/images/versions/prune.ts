import type { ImageVersionsPruneResponse } from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import { checkFilterNames, type ImageFilters, untilFilter } from "../filters.ts";
import { familiarName, parseImageName } from "../reference.ts";
import { sizeOfAllLayers } from "../sizes.ts";
import { forgetVersions } from "./keeper.ts";
import type { VersionRecord } from "./records.ts";

/**
 * `berth image prune --versions`: forgets all versions but the present ones, and removes the images that were kept for them
 * alone. `until`: only those that their names left before then.
 * @throws InvalidParameter for other filters
 */
export async function pruneVersions(
  context: ImageContext,
  filters: ImageFilters,
): Promise<ImageVersionsPruneResponse> {
  checkFilterNames(filters, ["until"]);
  const untilMs = untilFilter(filters);
  const { versions } = context;
  const before = sizeOfAllLayers(context);
  const past = versions.records.names().flatMap((name) => pastVersions(context, name, untilMs));
  const removed = await forgetVersions(context, past);
  const said = past.map(({ name, number }) => `${familiarName(parseImageName(name))}@${number}`);
  return {
    VersionsDeleted: said.length > 0 ? said : null,
    ImagesDeleted: removed.length > 0 ? removed : null,
    SpaceReclaimed: Math.max(0, before - sizeOfAllLayers(context)),
  };
}

/** All but where the name points now. */
function pastVersions(
  { catalog, versions }: ImageContext,
  name: string,
  untilMs: number | undefined,
): VersionRecord[] {
  const rows = versions.records.of(name);
  const isNamed = catalog.imageOf(name) !== undefined;
  return rows.filter((version, at) => {
    if (at === 0) return !isNamed && (untilMs === undefined || version.timeMs <= untilMs);
    return untilMs === undefined || rows[at - 1]!.timeMs <= untilMs;
  });
}
