import { invalidParameter } from "../lib/index.ts";

/** `{ status: ["running", "paused"] }`. Values of one key are alternatives; keys are joined by "and". */
export type Filters = Readonly<Record<string, readonly string[]>>;

/**
 * Reads the `filters` of a query: JSON of the form `{"status":{"running":true}}`, or, from old clients,
 * `{"status":["running"]}`. What a key means, and which keys there are, is for the engine's rooms to say.
 * @throws InvalidParameter `invalid filter`
 */
export function parseFilters(text: string): Filters {
  if (text === "") return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalidParameter("invalid filter", error);
  }
  if (parsed === null) return {};
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw invalidParameter("invalid filter");
  // Without a prototype: a client may name any key.
  const filters: Record<string, string[]> = Object.create(null);
  for (const [key, value] of Object.entries(parsed)) filters[key] = valuesOf(value);
  return filters;
}

function valuesOf(value: unknown): string[] {
  if (value === null) return [];
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item === "string")) return value;
  } else if (typeof value === "object") {
    const entries = Object.entries(value);
    if (entries.every(([, flag]) => typeof flag === "boolean")) return entries.map(([name]) => name);
  }
  throw invalidParameter("invalid filter");
}
