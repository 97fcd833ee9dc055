import { rulesOf, type TSchema } from "../../model/schema.ts";
import { below, type Problem } from "../problem.ts";
import type { Entry, Node } from "../yaml/node.ts";
import { scalar } from "../yaml/node.ts";

/**
 * The merged tree with the defaults that go without saying. A required field that no file gives is added to `problems`.
 */
export function complete(node: Node, schema: TSchema, path: string, problems: Problem[]): Node {
  const rules = rulesOf(schema);
  if (rules.kind === "list" && node.kind === "sequence") {
    const items = node.items.map((item, index) => complete(item, rules.items, below(path, index), problems));
    return { ...node, items };
  }
  if (node.kind !== "mapping" || (rules.kind !== "map" && rules.kind !== "struct")) return node;
  const entries = new Map<string, Entry>();
  for (const [key, entry] of node.entries) {
    const own = rules.kind === "map" ? rules.values : rules.properties[key];
    const value = own === undefined ? entry.value : complete(entry.value, own, below(path, key), problems);
    entries.set(key, { at: entry.at, value });
  }
  if (rules.kind === "struct") {
    for (const [key, value] of Object.entries(rules.defaults ?? {})) {
      if (!entries.has(key)) entries.set(key, { at: node.at, value: scalar(value, node.at) });
    }
    for (const key of rules.required) {
      if (!entries.has(key)) problems.push({ path, message: `"${key}" is missing`, at: node.at });
    }
  }
  return { ...node, entries };
}
