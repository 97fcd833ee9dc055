import { InvalidTemplate, type Lookup, MissingVariable, substitute } from "../env/template.ts";
import { below, type Problem } from "../problem.ts";
import { type Node, type Scalar, withItems, withValues } from "../yaml/node.ts";

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
  const visit = (one: Node, parent: string, key: string | number): Node => {
    if (one.kind === "scalar") return filled(one, parent, key);
    const known = done.get(one);
    if (known !== undefined) return known;
    const path = below(parent, key);
    const result =
      one.kind === "mapping"
        ? withValues(one, (name, value) => visit(value, path, name))
        : withItems(one, (item, index) => visit(item, path, index));
    done.set(one, result);
    return result;
  };
  const filled = (one: Scalar, parent: string, key: string | number): Scalar => {
    if (typeof one.value !== "string" || !one.value.includes("$")) return one;
    try {
      return { ...one, value: substitute(one.value, lookup, onUnset) };
    } catch (error) {
      if (!(error instanceof InvalidTemplate) && !(error instanceof MissingVariable)) throw error;
      problems.push({ path: below(parent, key), message: error.message, at: one.at });
      return one;
    }
  };
  return visit(node, "", "");
}
