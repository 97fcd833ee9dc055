import type { DiffId, HeldLayers, Layers } from "../ports.ts";

interface Hold {
  users: number;
  readonly held: HeldLayers;
}

/**
 * The layers that builds hold, each held once with whoever has it, however many steps stand on it: what a step costs must
 * not grow with the steps below it.
 */
export class SharedHolds {
  readonly #layers: Pick<Layers, "hold">;
  readonly #holds = new Map<DiffId, Hold>();

  constructor(layers: Pick<Layers, "hold">) {
    this.#layers = layers;
  }

  /** @throws NotFound where one is missing; then none is held */
  async hold(layers: readonly DiffId[]): Promise<HeldLayers> {
    const taken: DiffId[] = [];
    try {
      for (const layer of layers) {
        const known = this.#holds.get(layer);
        if (known === undefined) await this.#begin(layer);
        else known.users++;
        taken.push(layer);
      }
    } catch (error) {
      this.#release(taken);
      throw error;
    }
    let isHeld = true;
    return {
      layers,
      [Symbol.dispose]: () => {
        if (isHeld) this.#release(layers);
        isHeld = false;
      },
    };
  }

  async #begin(layer: DiffId): Promise<void> {
    const held = await this.#layers.hold([layer]);
    const other = this.#holds.get(layer);
    if (other === undefined) {
      this.#holds.set(layer, { users: 1, held });
      return;
    }
    // Somebody else was as quick.
    held[Symbol.dispose]();
    other.users++;
  }

  #release(layers: readonly DiffId[]): void {
    for (const layer of layers) {
      const hold = this.#holds.get(layer)!;
      if (--hold.users > 0) continue;
      this.#holds.delete(layer);
      hold.held[Symbol.dispose]();
    }
  }
}

/** The same layers, held together. */
export function withSharedHolds(layers: Layers): Layers {
  const holds = new SharedHolds(layers);
  return {
    hold: (wanted) => holds.hold(wanted),
    receive: (tar) => layers.receive(tar),
    view: (stack) => layers.view(stack),
    prepare: (stack) => layers.prepare(stack),
    size: (layer) => layers.size(layer),
    isInImage: (layer) => layers.isInImage(layer),
    pin: (owner, pinned) => layers.pin(owner, pinned),
    unpin: (owner) => layers.unpin(owner),
    collect: () => layers.collect(),
  };
}
