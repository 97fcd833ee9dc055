import type { Digest } from "../lib/index.ts";
import type { ImageSummary } from "../wire/index.ts";
import type { ImageRecord } from "./catalog.ts";
import type { ImageContext } from "./context.ts";
import {
  booleanFilter,
  checkFilterNames,
  type ImageFilters,
  matchesLabels,
  matchesReference,
  untilFilter,
} from "./filters.ts";
import { familiarName, parseImageName } from "./reference.ts";
import { resolveImage } from "./resolve.ts";
import { sizeOfLayers } from "./sizes.ts";
import { unixSeconds } from "./time.ts";

export interface ListOptions {
  /** Also images that only are steps towards others. */
  readonly all?: boolean;
  readonly sharedSize?: boolean;
  readonly filters?: ImageFilters;
}

const FILTERS = ["dangling", "label", "before", "since", "reference", "until"];

/** `docker images`: newest first. @throws InvalidParameter for unknown filters; NotFound for `before` and `since` */
export function listImages(context: ImageContext, options: ListOptions = {}): ImageSummary[] {
  const filters = options.filters ?? {};
  checkFilterNames(filters, FILTERS);
  const dangling = booleanFilter(filters, "dangling");
  const patterns = filters["reference"];
  const images = context.catalog.all().filter(createdWithin(context, filters));
  images.sort((a, b) => b.createdMs - a.createdMs);
  const summaries: ImageSummary[] = [];
  const uses = options.sharedSize === true ? context.catalog.layerUses() : undefined;
  for (const record of images) {
    if (!matchesLabels(record, filters)) continue;
    const { id } = record.document;
    const { tags, digests } = namesFor(context, id, patterns);
    if (tags.length === 0 && digests.length === 0) {
      if (patterns !== undefined && patterns.length > 0) continue;
      if (dangling === false) continue;
      if (options.all !== true && context.catalog.children(id).length > 0) continue;
    } else if (dangling === true && tags.length > 0) continue;
    summaries.push(summary(context, record, tags, digests, uses));
  }
  return summaries;
}

function createdWithin(context: ImageContext, filters: ImageFilters): (record: ImageRecord) => boolean {
  const time = (name: string) => {
    const reference = filters[name]?.[0];
    return reference === undefined ? undefined : resolveImage(context, reference).record.createdMs;
  };
  const [before, since, until] = [time("before"), time("since"), untilFilter(filters)];
  return ({ createdMs }) =>
    (before === undefined || createdMs < before) &&
    (since === undefined || createdMs > since) &&
    (until === undefined || createdMs <= until);
}

/** Familiar names that the patterns let through. */
function namesFor(
  { catalog }: ImageContext,
  id: Digest,
  patterns: readonly string[] | undefined,
): { tags: string[]; digests: string[] } {
  const tags: string[] = [];
  const digests: string[] = [];
  for (const { name, isDigest } of catalog.namesOf(id)) {
    const parsed = parseImageName(name);
    if (patterns !== undefined && patterns.length > 0 && !matchesReference(parsed, patterns)) continue;
    (isDigest ? digests : tags).push(familiarName(parsed));
  }
  return { tags, digests };
}

function summary(
  { catalog, users }: ImageContext,
  { document, parent }: ImageRecord,
  tags: string[],
  digests: string[],
  uses: ReadonlyMap<string, number> | undefined,
): ImageSummary {
  const { id, layers, config } = document;
  const shared = uses && layers.filter((diffId) => (uses.get(diffId) ?? 0) > 1);
  return {
    Id: id,
    ParentId: parent ?? "",
    RepoTags: tags,
    RepoDigests: digests,
    Created: unixSeconds(document.created),
    Size: sizeOfLayers(catalog, layers),
    SharedSize: shared === undefined ? -1 : sizeOfLayers(catalog, shared),
    Labels: config.Labels ?? null,
    Containers: uses === undefined ? -1 : users.count(id),
  };
}
