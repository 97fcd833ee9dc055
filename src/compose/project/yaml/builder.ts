import { problemAt } from "../problem.ts";
import type { Entry, Mark, Node, Place } from "./node.ts";
import { plainScalar } from "./plain-scalar.ts";
import type { Source } from "./source.ts";

/** Values in one document once every alias is written out. */
const MOST_VALUES = 200_000;
const DEEPEST = 100;

/** A key and its value as they are met. */
export interface Pair {
  readonly key: string;
  /** The key stands without quotes: `<<` merges. */
  readonly plain: boolean;
  readonly at: Place;
  readonly value: Node;
}

/** What is known of a node when it is built: aliases count as what they stand for. */
interface Extent {
  readonly values: number;
  readonly depth: number;
}

const OF_SCALAR: Extent = { values: 1, depth: 1 };

/**
 * Builds the nodes of one document: knows its anchors, merges `<<`, refuses a key that comes twice, and keeps the bounds
 * on what aliases amount to.
 */
export class NodeBuilder {
  readonly source: Source;
  readonly #anchors = new Map<string, Node | "open">();
  readonly #extents = new WeakMap<Node, Extent>();
  #mergedKeys = 0;

  constructor(source: Source) {
    this.source = source;
  }

  at(offset: number): Place {
    return { source: this.source, offset };
  }

  /** An unquoted scalar. */
  plain(text: string, offset: number, mark?: Mark): Node {
    const value = plainScalar(text);
    const float = typeof value === "number" && isFloat(text) ? true : undefined;
    return { kind: "scalar", value, float, at: this.at(offset), mark };
  }

  text(value: string, offset: number, mark?: Mark): Node {
    return { kind: "scalar", value, at: this.at(offset), mark };
  }

  nothing(offset: number, mark?: Mark): Node {
    return { kind: "scalar", value: null, at: this.at(offset), mark };
  }

  sequence(items: readonly Node[], offset: number, mark?: Mark): Node {
    return this.#measured({ kind: "sequence", items, at: this.at(offset), mark }, items);
  }

  mapping(pairs: readonly Pair[], offset: number, mark?: Mark): Node {
    const entries = new Map<string, Entry>();
    let merged: readonly Node[] | undefined;
    for (const { key, plain, at, value } of pairs) {
      if (key === "<<" && plain) {
        if (merged !== undefined) throw problemAt(at, "", "the merge key << comes twice: give it a list");
        merged = value.kind === "sequence" ? value.items : [value];
        continue;
      }
      const first = entries.get(key);
      if (first !== undefined) {
        const { line } = this.source.position(first.at.offset);
        throw problemAt(at, "", `the key "${key}" comes twice: it is already on line ${line}`);
      }
      entries.set(key, { at, value });
    }
    this.#merge(entries, merged ?? []);
    const children: Node[] = [];
    for (const { value } of entries.values()) children.push(value);
    return this.#measured({ kind: "mapping", entries, at: this.at(offset), mark }, children);
  }

  /** The anchor's value begins. */
  open(anchor: string): void {
    this.#anchors.set(anchor, "open");
  }

  /** The anchor's value is known. */
  close(anchor: string, node: Node): void {
    this.#anchors.set(anchor, node);
  }

  alias(name: string, offset: number): Node {
    const node = this.#anchors.get(name);
    const at = this.at(offset);
    if (node === undefined) throw problemAt(at, "", `no anchor &${name} stands before this alias`);
    if (node === "open") throw problemAt(at, "", `the alias *${name} stands inside its own anchor`);
    return node;
  }

  /** Keys of the mapping itself win over merged ones, earlier merged mappings over later ones. */
  #merge(entries: Map<string, Entry>, merged: readonly Node[]): void {
    for (const node of merged) {
      if (node.kind !== "mapping") throw problemAt(node.at, "", "<< takes a mapping or a list of mappings");
      // The same mapping merged again and again adds nothing, and takes its time.
      this.#mergedKeys += node.entries.size;
      if (this.#mergedKeys > MOST_VALUES) throw this.#tooMany(node.at);
      for (const [key, entry] of node.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #tooMany(at: Place): Error {
    return problemAt(at, "", `more than ${MOST_VALUES} values, aliases written out`);
  }

  #measured(node: Node, children: readonly Node[]): Node {
    let values = 1;
    let depth = 0;
    for (const one of children) {
      const extent = one.kind === "scalar" ? OF_SCALAR : this.#extents.get(one)!;
      values += extent.values;
      if (extent.depth > depth) depth = extent.depth;
    }
    if (values > MOST_VALUES) throw this.#tooMany(node.at);
    if (depth >= DEEPEST) throw problemAt(node.at, "", "the values are nested too deeply");
    this.#extents.set(node, { values, depth: depth + 1 });
    return node;
  }
}

const isFloat = (text: string): boolean => /[.eE]/.test(text) && !/^[-+]?0[xX]/.test(text);
