import { rulesOf, type TSchema } from "../../model/schema.ts";
import { child, type Entry, isNull, type Mapping, type Node, sequence, textOf } from "../yaml/node.ts";
import { distinct } from "./distinct.ts";

/**
 * A later file's value over an earlier one's, both in canonical form, by the Compose Specification's rules: mappings
 * merge key by key, lists are appended (an item with an earlier one's target, name or path takes its place), all else is
 * replaced. `!override` replaces, too; `!reset` takes away, and stays in the tree until {@link settled}, because the
 * result may still be merged over another file's.
 */
export function merge(base: Node | undefined, over: Node, schema: TSchema): Node {
  if (base === undefined || base.mark === "reset" || over.mark !== undefined) return over;
  const rules = rulesOf(schema);
  if (rules.merge === "replace") return over;
  if (isNull(over)) return rules.kind === "text" ? over : base;
  if (isNull(base)) return over;
  if (rules.merge === "subnets") return mergeSubnets(base, over, schema);
  switch (rules.kind) {
    case "struct":
      if (rules.merge === "same-driver" && differentDrivers(base, over)) return over;
      return mergeEntries(base, over, (key) =>
        Object.hasOwn(rules.properties, key) ? rules.properties[key] : undefined,
      );
    case "map":
      return mergeEntries(base, over, () => rules.values);
    case "pairs":
    case "keys":
      return mergeEntries(base, over, () => undefined);
    case "hosts":
      return mergeHosts(base, over);
    case "list":
      return mergeLists(base, over, rules.unique);
    default:
      return over;
  }
}

function mergeEntries(base: Node, over: Node, schemaOf: (key: string) => TSchema | undefined): Node {
  if (base.kind !== "mapping" || over.kind !== "mapping") return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const before = base.entries.get(key);
    const schema = schemaOf(key);
    const value =
      schema === undefined
        ? mergeAnything(before?.value, entry.value)
        : merge(before?.value, entry.value, schema);
    entries.set(key, { at: entry.at, value });
  }
  return { ...over, entries, mark: base.mark };
}

/** What has no description: extensions. */
function mergeAnything(base: Node | undefined, over: Node): Node {
  if (base === undefined || base.mark === "reset" || over.mark !== undefined) return over;
  if (isNull(over)) return base;
  if (base.kind === "mapping" && over.kind === "mapping") return mergeEntries(base, over, () => undefined);
  if (base.kind === "sequence" && over.kind === "sequence") return mergeLists(base, over, undefined);
  return over;
}

function mergeLists(base: Node, over: Node, unique: Parameters<typeof distinct>[1] | undefined): Node {
  if (base.kind !== "sequence" || over.kind !== "sequence") return over;
  const items = [...base.items, ...over.items];
  return { ...over, items: unique === undefined ? items : distinct(items, unique), mark: base.mark };
}

function mergeHosts(base: Node, over: Node): Node {
  if (base.kind !== "mapping" || over.kind !== "mapping") return over;
  const entries = new Map<string, Entry>(base.entries);
  for (const [host, entry] of over.entries) {
    const before = base.entries.get(host)?.value;
    const known = before?.kind === "sequence" ? before.items : [];
    const added = entry.value.kind === "sequence" ? entry.value.items : [];
    const fresh = added.filter((item) => !known.some((one) => textOf(one) === textOf(item)));
    entries.set(host, { at: entry.at, value: sequence([...known, ...fresh], entry.value.at) });
  }
  return { ...over, entries, mark: base.mark };
}

const differentDrivers = (base: Node, over: Node): boolean => {
  const [before, after] = [child(base, "driver"), child(over, "driver")];
  return before !== undefined && after !== undefined && textOf(before) !== textOf(after);
};

/** The later list counts; of a pool for the same subnet, what the earlier one says besides is kept. */
function mergeSubnets(base: Node, over: Node, schema: TSchema): Node {
  const rules = rulesOf(schema);
  if (base.kind !== "sequence" || over.kind !== "sequence" || rules.kind !== "list") return over;
  const subnet = (pool: Node) => textOf(child(pool, "subnet"));
  const items = over.items.map((pool) => {
    const before = base.items.find((one) => subnet(one) === subnet(pool));
    return merge(before, pool, rules.items);
  });
  return { ...over, items };
}

/** Without what `!reset` took away, and without marks. */
export function settled(node: Node): Node {
  if (node.kind === "sequence") {
    const items = node.items.filter((item) => item.mark !== "reset").map(settled);
    const same = node.mark === undefined && items.every((item, index) => item === node.items[index]);
    return same && items.length === node.items.length ? node : { ...node, items, mark: undefined };
  }
  if (node.kind === "mapping") return settledMapping(node);
  return node.mark === undefined ? node : { ...node, mark: undefined };
}

function settledMapping(node: Mapping): Mapping {
  let changed = node.mark !== undefined;
  const entries = new Map<string, Entry>();
  for (const [key, entry] of node.entries) {
    if (entry.value.mark === "reset") {
      changed = true;
      continue;
    }
    const value = settled(entry.value);
    changed ||= value !== entry.value;
    entries.set(key, value === entry.value ? entry : { at: entry.at, value });
  }
  return changed ? { ...node, entries, mark: undefined } : node;
}
