import { type Entry, type Node, type Place, type ScalarValue, scalar } from "../yaml/node.ts";

/** Plain values as nodes that all stand at one place: that of the short syntax they were taken from. */
export function fieldsToNode(value: unknown, at: Place): Node {
  if (Array.isArray(value))
    return { kind: "sequence", items: value.map((item) => fieldsToNode(item, at)), at };
  if (typeof value !== "object" || value === null) return scalar(value as ScalarValue, at);
  const entries = new Map<string, Entry>();
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) entries.set(key, { at, value: fieldsToNode(field, at) });
  }
  return { kind: "mapping", entries, at };
}
