import { parseDurationNs } from "../lib/dockerfile/index.ts";
import { invalidParameter } from "../lib/index.ts";
import type { ImageRecord } from "./catalog.ts";
import { globMatch } from "./glob.ts";
import { familiarName, familiarRepository, type ImageName } from "./reference.ts";

/** `{ dangling: ["true"] }`, as the API reads them. */
export type ImageFilters = Readonly<Record<string, readonly string[]>>;

/** @throws InvalidParameter for a filter that is not among these */
export function checkFilterNames(filters: ImageFilters, known: readonly string[]): void {
  for (const name of Object.keys(filters)) {
    if (!known.includes(name)) throw invalidParameter(`invalid filter '${name}'`);
  }
}

const TRUE = new Set(["1", "true", "t", "True", "TRUE", "T"]);
const FALSE = new Set(["0", "false", "f", "False", "FALSE", "F"]);

/** A filter that is yes or no; undefined where it is not given. @throws InvalidParameter */
export function booleanFilter(filters: ImageFilters, name: string): boolean | undefined {
  const values = filters[name];
  if (values === undefined || values.length === 0) return undefined;
  const invalid = invalidParameter(`invalid filter '${name}=[${values.join(" ")}]'`);
  if (values.length > 1) throw invalid;
  if (TRUE.has(values[0]!)) return true;
  if (FALSE.has(values[0]!)) return false;
  throw invalid;
}

/**
 * Milliseconds since the epoch of an `until` filter: a time, seconds since the epoch, or a duration before now.
 * @throws InvalidParameter
 */
export function untilFilter(filters: ImageFilters): number | undefined {
  const values = filters["until"];
  if (values === undefined || values.length === 0) return undefined;
  if (values.length > 1) throw invalidParameter("more than one until filter specified");
  const text = values[0]!;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const ms = Date.parse(text);
    if (!Number.isNaN(ms)) return ms;
  }
  try {
    return Date.now() - parseDurationNs(text) / 1e6;
  } catch {
    throw invalidParameter(`invalid filter 'until=${text.slice(0, 100)}'`);
  }
}

/** All of the `label` filters hold, none of the `label!` ones does: `key` or `key=value`. */
export function matchesLabels({ document }: ImageRecord, filters: ImageFilters): boolean {
  const labels = document.config.Labels ?? {};
  const has = (filter: string) => {
    const equals = filter.indexOf("=");
    const key = equals < 0 ? filter : filter.slice(0, equals);
    return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === filter.slice(equals + 1));
  };
  const [wanted, unwanted] = [filters["label"] ?? [], filters["label!"] ?? []];
  return wanted.every(has) && !unwanted.some(has);
}

/** Whether one of the `reference` patterns fits a name, with its tag or without. @throws InvalidParameter */
export function matchesReference(name: ImageName, patterns: readonly string[]): boolean {
  return patterns.some(
    (pattern) => globMatch(pattern, familiarName(name)) || globMatch(pattern, familiarRepository(name)),
  );
}
