import type { Database } from "../../store/index.ts";
import type { DiffId, Layers } from "../ports.ts";

/** A stack of layers: one layer on another stack. */
export interface Stack {
  readonly id: number;
  readonly below: Stack | undefined;
  readonly layer: DiffId;
}

interface Node extends Stack {
  readonly below: Node | undefined;
  /** Records of it, and stacks on top of it. */
  users: number;
}

interface StackRow {
  readonly id: number;
  readonly below: number;
  readonly layer: DiffId;
}

/** Of rows whose stack has nothing below. */
const NOTHING = 0;

export const STACKS_TABLE = `CREATE TABLE build_stacks (
     id INTEGER PRIMARY KEY, below INTEGER NOT NULL, layer TEXT NOT NULL
   ) STRICT`;

/** Who wants a layer: some stack that has it. */
const pinOf = (layer: DiffId) => `build-stack:${layer}`;
const keyOf = (below: Stack | undefined, layer: DiffId) => `${below?.id ?? NOTHING} ${layer}`;

/**
 * The stacks of layers that records name. A record of a step differs from the one before it by a layer, so that each is
 * written as what it has more: the cache of a build is as long as the build, and not its square. Layers are pinned for as long as
 * a stack has them.
 *
 * All of it is in memory, too, read when it is first needed. Changes are part of the caller's transaction; where that fails, what is
 * in memory has to be forgotten.
 */
export class Stacks {
  readonly #database: Database;
  readonly #layers: Pick<Layers, "pin" | "unpin">;
  #nodes: Map<number, Node> | undefined;
  #byLayer = new Map<string, Node>();
  /** How many stacks end with a layer. */
  #uses = new Map<DiffId, number>();
  #nextId = 1;

  /** The table is there. */
  constructor(database: Database, layers: Pick<Layers, "pin" | "unpin">) {
    this.#database = database;
    this.#layers = layers;
  }

  /** What is in memory may be another state than that of the database: it is read again. */
  forget(): void {
    this.#nodes = undefined;
  }

  /** The layers of a stack, bottom first; undefined where it is not known. */
  layersOf(id: number): readonly DiffId[] | undefined {
    const layers: DiffId[] = [];
    if (id === NOTHING) return layers;
    let node = this.#all().get(id);
    if (node === undefined) return undefined;
    for (; node !== undefined; node = node.below) layers.push(node.layer);
    return layers.reverse();
  }

  /** Writes down what is new of a stack, for one user more. @returns its number */
  add(layers: readonly DiffId[]): number {
    const nodes = this.#all();
    let top: Node | undefined;
    for (const layer of layers) {
      const known: Node | undefined = this.#byLayer.get(keyOf(top, layer));
      if (known !== undefined) {
        top = known;
        continue;
      }
      const node: Node = { id: this.#nextId++, below: top, layer, users: 0 };
      this.#database.run(
        "INSERT INTO build_stacks (id, below, layer) VALUES (?, ?, ?)",
        ...[node.id, top?.id ?? NOTHING, layer],
      );
      // Whatever else may have it: a layer that was lost and came again has no pins.
      this.#layers.pin(pinOf(layer), [layer]);
      this.#keep(nodes, node);
      top = node;
    }
    if (top === undefined) return NOTHING;
    top.users++;
    return top.id;
  }

  /** One user less; what nobody uses goes. */
  remove(id: number): void {
    const nodes = this.#all();
    let node = nodes.get(id);
    while (node !== undefined) {
      node.users--;
      if (node.users > 0) return;
      const { below, layer } = node;
      this.#database.run("DELETE FROM build_stacks WHERE id = ?", node.id);
      nodes.delete(node.id);
      this.#byLayer.delete(keyOf(below, layer));
      const uses = this.#uses.get(layer)! - 1;
      if (uses > 0) this.#uses.set(layer, uses);
      else {
        this.#uses.delete(layer);
        this.#layers.unpin(pinOf(layer));
      }
      node = below;
    }
  }

  #keep(nodes: Map<number, Node>, node: Node): void {
    nodes.set(node.id, node);
    this.#byLayer.set(keyOf(node.below, node.layer), node);
    this.#uses.set(node.layer, (this.#uses.get(node.layer) ?? 0) + 1);
    if (node.below !== undefined) node.below.users++;
  }

  #all(): Map<number, Node> {
    if (this.#nodes !== undefined) return this.#nodes;
    const nodes = new Map<number, Node>();
    this.#byLayer = new Map();
    this.#uses = new Map();
    this.#nextId = 1;
    // Each is younger than the one below it.
    for (const { id, below, layer } of this.#database.all<StackRow>(
      "SELECT * FROM build_stacks ORDER BY id",
    )) {
      this.#keep(nodes, { id, below: nodes.get(below), layer, users: 0 });
      this.#nextId = id + 1;
    }
    const named = this.#database.all<{ stack: number; records: number }>(
      "SELECT stack, count(*) AS records FROM build_records GROUP BY stack",
    );
    for (const { stack, records } of named) {
      const node = nodes.get(stack);
      if (node !== undefined) node.users += records;
    }
    this.#nodes = nodes;
    return nodes;
  }
}
