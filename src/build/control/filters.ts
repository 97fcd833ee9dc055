import { invalidParameter } from "../../lib/index.ts";

/**
 * Filters as buildx sends them, in containerd's language (`type==regular,shared`), as the builder has them. All conditions of a
 * filter must hold; several filters, of which one must, and other comparisons are not understood.
 * @throws InvalidParameter
 */
export function containerdFilters(filters: readonly string[]): Record<string, string[]> {
  const [filter = "", ...others] = filters.filter((text) => text !== "");
  if (others.length > 0) throw invalidParameter(`several filters cannot be combined: ${filters.join("; ")}`);
  const conditions: Record<string, string[]> = {};
  for (const condition of filter.split(",").filter((text) => text !== "")) {
    const [, name, quoted, plain] = /^([a-z-]+)(?:==(?:"([^"]*)"|([^"=!~]*)))?$/.exec(condition) ?? [];
    if (name === undefined) throw invalidParameter(`invalid filter ${JSON.stringify(condition)}`);
    conditions[name] = [quoted ?? plain ?? "true"];
  }
  return conditions;
}
