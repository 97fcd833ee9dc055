import type { Source } from "./source.ts";

/** Where a value stands: a file and an offset into its text, from which line and column are found when asked. */
export interface Place {
  readonly source: Source;
  readonly offset: number;
}

/**
 * What a later file asks for by a tag on a value: `!reset` takes away what earlier files said,
 * `!override` puts this value in its place instead of merging.
 */
export type Mark = "reset" | "override";

export type ScalarValue = string | number | bigint | boolean | null;

export interface Scalar {
  readonly kind: "scalar";
  /** `bigint` only where a whole number does not fit a `number`. */
  readonly value: ScalarValue;
  /** Written as a fraction or with an exponent, even where the value is whole: `1e6`. */
  readonly float?: boolean | undefined;
  readonly at: Place;
  readonly mark?: Mark | undefined;
}

export interface Sequence {
  readonly kind: "sequence";
  readonly items: readonly Node[];
  readonly at: Place;
  readonly mark?: Mark | undefined;
}

export interface Entry {
  /** Where the key stands. */
  readonly at: Place;
  readonly value: Node;
}

export interface Mapping {
  readonly kind: "mapping";
  readonly entries: ReadonlyMap<string, Entry>;
  readonly at: Place;
  readonly mark?: Mark | undefined;
}

/**
 * A value of a Compose file that knows where it was written. Nodes never change: an alias shares the node of its
 * anchor, and merging makes new parents around old children, so that after all merging a value still knows its file.
 */
export type Node = Scalar | Sequence | Mapping;

export const scalar = (value: ScalarValue, at: Place): Scalar => ({ kind: "scalar", value, at });
export const sequence = (items: readonly Node[], at: Place): Sequence => ({ kind: "sequence", items, at });
export const mapping = (entries: ReadonlyMap<string, Entry>, at: Place): Mapping => ({
  kind: "mapping",
  entries,
  at,
});

/** The value of a key, or `undefined`. */
export function child(node: Node | undefined, key: string): Node | undefined {
  return node?.kind === "mapping" ? node.entries.get(key)?.value : undefined;
}

/** The text of a scalar that is a string, or `undefined`. */
export function textOf(node: Node | undefined): string | undefined {
  return node?.kind === "scalar" && typeof node.value === "string" ? node.value : undefined;
}

export const isNull = (node: Node | undefined): boolean => node?.kind === "scalar" && node.value === null;

/** The same mapping with some keys set anew, or taken away (`undefined`). */
export function withEntries(node: Mapping, changes: Readonly<Record<string, Node | undefined>>): Mapping {
  const entries = new Map(node.entries);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) entries.delete(key);
    else entries.set(key, { at: entries.get(key)?.at ?? value.at, value });
  }
  return { ...node, entries };
}

/** The same mapping with each value changed; itself where none is another. */
export function withValues(node: Mapping, change: (key: string, value: Node, at: Place) => Node): Mapping {
  let entries: Map<string, Entry> | undefined;
  for (const [key, { at, value: before }] of node.entries) {
    const value = change(key, before, at);
    if (value === before) continue;
    entries ??= new Map(node.entries);
    entries.set(key, { at, value });
  }
  return entries === undefined ? node : { ...node, entries };
}

/** The same list with each item changed; itself where none is another. */
export function withItems(node: Sequence, change: (item: Node, index: number) => Node): Sequence {
  const items = node.items.map(change);
  return items.every((item, index) => item === node.items[index]) ? node : { ...node, items };
}

/** Plain JavaScript values, without places. Objects have no prototype: `__proto__` is a key like any other. */
export function plain(node: Node): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "sequence":
      return node.items.map(plain);
    case "mapping": {
      const object: Record<string, unknown> = Object.create(null);
      for (const [key, entry] of node.entries) object[key] = plain(entry.value);
      return object;
    }
  }
}

/** In the words of an error: what kind of value this is. */
export function describeKind(node: Node): string {
  if (node.kind !== "scalar") return node.kind === "mapping" ? "a mapping" : "a list";
  if (node.value === null) return "nothing";
  if (typeof node.value === "string") return "a string";
  return typeof node.value === "boolean" ? "a boolean" : "a number";
}
