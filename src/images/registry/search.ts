import type { Registries, SearchResult } from "../../distribution/index.ts";
import { invalidParameter } from "../../lib/index.ts";

export type FoundImage = SearchResult;
export type SearchFilters = Readonly<Record<string, readonly string[]>>;

const LIMIT_MAX = 100;

/** `docker search`. @throws InvalidParameter in Docker's words; RegistryError */
export async function searchRegistry(
  registries: Registries,
  term: string,
  { limit, filters }: { limit?: number | undefined; filters: SearchFilters },
  signal: AbortSignal,
): Promise<FoundImage[]> {
  if (limit !== undefined && limit !== 0 && (limit < 1 || limit > LIMIT_MAX)) {
    throw invalidParameter(`limit ${limit} is outside the range of [1, ${LIMIT_MAX}]`);
  }
  const matches = matcher(filters);
  const found = await registries.search(term, { limit: limit || undefined, signal });
  return found.filter(matches);
}

function matcher(filters: SearchFilters): (image: FoundImage) => boolean {
  for (const name of Object.keys(filters)) {
    if (!["is-automated", "is-official", "stars"].includes(name))
      throw invalidParameter(`invalid filter '${name}'`);
  }
  const flag = (name: string) => {
    const text = filters[name]?.[0];
    if (text === undefined) return undefined;
    if (/^(?:1|t|true)$/i.test(text)) return true;
    if (/^(?:0|f|false)$/i.test(text)) return false;
    throw invalidParameter(`invalid filter '${name}=${text}'`);
  };
  const [official, automated] = [flag("is-official"), flag("is-automated")];
  const stars = (filters["stars"] ?? []).map((text) => {
    if (!/^\d{1,9}$/.test(text)) throw invalidParameter(`invalid filter 'stars=${text}'`);
    return Number(text);
  });
  const least = Math.max(0, ...stars);
  return (image) =>
    (official === undefined || image.is_official === official) &&
    (automated === undefined || image.is_automated === automated) &&
    image.star_count >= least;
}
