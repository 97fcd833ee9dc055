import type { RootDir } from "../../linux/index.ts";
import type { Layers } from "../layers.ts";
import type { DiffId, Snapshotter } from "../snapshots/snapshotter.ts";

/** Trees of layers, one for each stack that was asked for; the layers stay until it is disposed of. */
export interface OpenViews extends Disposable {
  readonly roots: readonly RootDir[];
}

/** Shows stacks of layers as trees. @throws NotFound where a layer is missing */
export class LayerViews {
  readonly #layers: Layers;
  readonly #snapshotter: Snapshotter;

  constructor(layers: Layers, snapshotter: Snapshotter) {
    this.#layers = layers;
    this.#snapshotter = snapshotter;
  }

  async open(stacks: readonly (readonly DiffId[])[]): Promise<OpenViews> {
    using undo = new DisposableStack();
    const all = stacks.flat();
    undo.use(await this.#layers.holdAll(all));
    await this.#layers.ensure(all);
    const roots: RootDir[] = [];
    for (const stack of stacks) roots.push(undo.use(await this.#snapshotter.viewLayers(stack)));
    const held = undo.move();
    return { roots, [Symbol.dispose]: () => held.dispose() };
  }
}
