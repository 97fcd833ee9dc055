import { invalidParameter } from "../lib/index.ts";

/** Conditions of a list or a stream of events: `{ label: ["a=b"], status: ["running"] }`. */
export type Filters = Readonly<Record<string, readonly string[]>>;

type QueryValue = string | number | boolean | readonly string[] | undefined;

/** Parameters of a call; undefined ones, empty texts and `false` are left out, as Docker's clients do. */
export type Query = Readonly<Record<string, QueryValue>>;

/** `a=1&b=x%20y`; a list becomes the parameter several times. */
export function encodeQuery(query: Query): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === "" || value === false) continue;
    const values = typeof value === "object" ? value : [value === true ? "1" : String(value)];
    for (const each of values) pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(each)}`);
  }
  return pairs.join("&");
}

/** Filters as the API takes them: JSON of name → value → true. */
export function encodeFilters(filters: Filters | undefined): string | undefined {
  const names = Object.entries(filters ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (names.length === 0) return undefined;
  const set = (values: readonly string[]) => Object.fromEntries(values.map((value) => [value, true]));
  return JSON.stringify(Object.fromEntries(names.map(([name, values]) => [name, set(values)])));
}

/**
 * An id, name or reference as one part of a path; the slashes of image names stay.
 * @throws InvalidParameter where it is empty, which would name another operation.
 */
export function segment(kind: "container" | "image" | "volume" | "network" | "exec", text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") throw invalidParameter(`invalid ${kind} name or ID: value is empty`);
  return encodeURIComponent(trimmed).replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%40", "@");
}

/** A moment as the API takes it: seconds since the epoch with their fraction. Texts are sent as they are. */
export function timeText(time: string | Date | undefined): string | undefined {
  return time instanceof Date ? (time.getTime() / 1000).toFixed(3) : time;
}
