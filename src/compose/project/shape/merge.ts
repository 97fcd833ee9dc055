import { rulesOf, type TSchema } from "../../model/schema.ts";
import { formatScalar } from "../units/number.ts";
import {
  child,
  type Entry,
  isNull,
  type Mapping,
  type Node,
  scalar,
  sequence,
  textOf,
} from "../yaml/node.ts";
import { distinct } from "./distinct.ts";

/**
 * A later file's value over an earlier one's, both in canonical form, by the Compose Specification's rules: mappings
 * merge key by key, lists are appended (an item with an earlier one's target, name or path takes its place), all else is
 * replaced. `!override` replaces, too; `!reset` takes away, and stays in the tree until {@link settled}, because the
 * result may still be merged over another file's.
 *
 * @param written variables were left in: names with values may be lists, and become lists where they are merged.
 */
export function merge(base: Node | undefined, over: Node, schema: TSchema, written = false): Node {
  if (base === undefined || base.mark === "reset" || over.mark !== undefined) return over;
  const rules = rulesOf(schema);
  if (rules.merge === "replace") return over;
  if (isNull(over)) return rules.kind === "text" ? over : base;
  if (isNull(base)) return over;
  if (rules.merge === "subnets") return mergeSubnets(base, over, schema, written);
  switch (rules.kind) {
    case "struct":
      if (rules.merge === "same-driver" && differentDrivers(base, over)) return over;
      return mergeEntries(
        base,
        over,
        (key) => (Object.hasOwn(rules.properties, key) ? rules.properties[key] : undefined),
        written,
      );
    case "map":
      return mergeEntries(base, over, () => rules.values, written);
    case "pairs":
      if (written && rules.noList !== true && rules.valuePath === undefined) return mergePairs(base, over);
      return mergeEntries(base, over, () => undefined);
    case "keys":
      return mergeEntries(base, over, () => undefined);
    case "hosts":
      if (written) return mergePairs(base, over);
      return mergeHosts(base, over);
    case "list":
      return mergeLists(base, over, rules.unique);
    default:
      return over;
  }
}

function mergeEntries(
  base: Node,
  over: Node,
  schemaOf: (key: string) => TSchema | undefined,
  written = false,
): Node {
  if (base.kind !== "mapping" || over.kind !== "mapping") return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const before = base.entries.get(key);
    const schema = schemaOf(key);
    const value =
      schema === undefined
        ? mergeAnything(before?.value, entry.value)
        : merge(before?.value, entry.value, schema, written);
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
  const [before, after] = [listed(base), listed(over)];
  if (before === undefined || after === undefined) return over;
  const items = [...before, ...after];
  return {
    kind: "sequence",
    at: over.at,
    items: unique === undefined ? items : distinct(items, unique),
    mark: base.mark,
  };
}

/** A lone text stands for a list of one, where it was left as it is written. */
function listed(node: Node): readonly Node[] | undefined {
  if (node.kind === "sequence") return node.items;
  return textOf(node) === undefined ? undefined : [node];
}

/** Names with values as they are written, as one list. */
function mergePairs(base: Node, over: Node): Node {
  const items = distinct([...pairItems(base), ...pairItems(over)], "name");
  return { kind: "sequence", items, at: over.at, mark: base.mark };
}

function pairItems(node: Node): readonly Node[] {
  if (node.kind !== "mapping") return node.kind === "sequence" ? node.items : [];
  const sorted = [...node.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, { at, value }]) =>
    scalar(value.kind === "scalar" && value.value !== null ? `${key}=${formatScalar(value)}` : key, at),
  );
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
function mergeSubnets(base: Node, over: Node, schema: TSchema, written: boolean): Node {
  const rules = rulesOf(schema);
  if (base.kind !== "sequence" || over.kind !== "sequence" || rules.kind !== "list") return over;
  const subnet = (pool: Node) => textOf(child(pool, "subnet"));
  const items = over.items.map((pool) => {
    const before = base.items.find((one) => subnet(one) === subnet(pool));
    return merge(before, pool, rules.items, written);
  });
  return { ...over, items };
}

/** Without what `!reset` took away, and without marks. */
export function settled(node: Node): Node {
  if (node.kind === "sequence") {
    const isSettled = node.mark === undefined && node.items.every((item) => settled(item) === item);
    if (isSettled && !node.items.some(({ mark }) => mark === "reset")) return node;
    const items = node.items.filter((item) => item.mark !== "reset").map(settled);
    return { ...node, items, mark: undefined };
  }
  if (node.kind === "mapping") return settledMapping(node);
  return node.mark === undefined ? node : { ...node, mark: undefined };
}

function settledMapping(node: Mapping): Mapping {
  let entries: Map<string, Entry> | undefined;
  for (const [key, { at, value: before }] of node.entries) {
    const value = before.mark === "reset" ? undefined : settled(before);
    if (value === before) continue;
    entries ??= new Map(node.entries);
    if (value === undefined) entries.delete(key);
    else entries.set(key, { at, value });
  }
  if (entries === undefined && node.mark === undefined) return node;
  return { ...node, entries: entries ?? node.entries, mark: undefined };
}
