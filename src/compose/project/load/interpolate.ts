import { InvalidTemplate, type Lookup, MissingVariable, substitute } from "../env/template.ts";
import { below, type Problem } from "../problem.ts";
import type { Entry, Node } from "../yaml/node.ts";

/**
 * Puts the values of variables into every text of a document, keys excepted. What goes wrong is added to `problems`, with
 * its place.
 */
export function interpolate(
  node: Node,
  lookup: Lookup,
  onUnset: (name: string) => void,
  problems: Problem[],
): Node {
  // An alias is visited once: the same node gives the same result wherever it stands.
  const done = new Map<Node, Node>();
  const visit = (one: Node, path: string): Node => {
    const known = done.get(one);
    if (known !== undefined) return known;
    const result = change(one, path);
    if (one.kind !== "scalar") done.set(one, result);
    return result;
  };
  const change = (one: Node, path: string): Node => {
    switch (one.kind) {
      case "scalar":
        if (typeof one.value !== "string" || !one.value.includes("$")) return one;
        try {
          return { ...one, value: substitute(one.value, lookup, onUnset) };
        } catch (error) {
          if (!(error instanceof InvalidTemplate) && !(error instanceof MissingVariable)) throw error;
          problems.push({ path, message: error.message, at: one.at });
          return one;
        }
      case "sequence": {
        const items = one.items.map((item, index) => visit(item, below(path, index)));
        return items.every((item, index) => item === one.items[index]) ? one : { ...one, items };
      }
      case "mapping": {
        let entries: Map<string, Entry> | undefined;
        for (const [key, entry] of one.entries) {
          const value = visit(entry.value, below(path, key));
          if (value === entry.value) continue;
          entries ??= new Map(one.entries);
          entries.set(key, { at: entry.at, value });
        }
        return entries === undefined ? one : { ...one, entries };
      }
    }
  };
  return visit(node, "");
}
