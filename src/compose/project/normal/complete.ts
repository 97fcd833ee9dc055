import { anywhereIn } from "../../model/reach.ts";
import { rulesOf, type TSchema } from "../../model/schema.ts";
import { below, type Problem } from "../problem.ts";
import { type Entry, type Node, scalar, withItems } from "../yaml/node.ts";

/** Whether a default or a required field stands anywhere in it. */
const hasMore = anywhereIn(
  (rules) => rules.kind === "struct" && (rules.required.length > 0 || rules.defaults !== undefined),
);

/**
 * The merged tree with the defaults that go without saying. A required field that no file gives is added to `problems`.
 */
export function complete(node: Node, schema: TSchema, path: string, problems: Problem[]): Node {
  if (node.kind === "scalar" || !hasMore(schema)) return node;
  const rules = rulesOf(schema);
  if (rules.kind === "list" && node.kind === "sequence") {
    return withItems(node, (item, index) => complete(item, rules.items, below(path, index), problems));
  }
  if (node.kind !== "mapping" || (rules.kind !== "map" && rules.kind !== "struct")) return node;
  let entries: Map<string, Entry> | undefined;
  const set = (key: string, entry: Entry) => {
    entries ??= new Map(node.entries);
    entries.set(key, entry);
  };
  for (const [key, { at, value: before }] of node.entries) {
    const own = rules.kind === "map" ? rules.values : rules.properties[key];
    if (own === undefined || before.kind === "scalar") continue;
    const value = complete(before, own, below(path, key), problems);
    if (value !== before) set(key, { at, value });
  }
  if (rules.kind === "struct") {
    for (const [key, value] of Object.entries(rules.defaults ?? {})) {
      if (!node.entries.has(key)) set(key, { at: node.at, value: scalar(value, node.at) });
    }
    for (const key of rules.required) {
      if (!(entries ?? node.entries).has(key))
        problems.push({ path, message: `"${key}" is missing`, at: node.at });
    }
  }
  return entries === undefined ? node : { ...node, entries };
}
