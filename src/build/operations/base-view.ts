import { scanPath } from "../../linux/index.ts";
import {
  type BaseFiles,
  baseOfTree,
  baseWithShapes,
  type KnownShapes,
  type LayerPlan,
  LayerShape,
  layersTree,
  layerTar,
  type Tree,
} from "../contents/index.ts";
import type { DiffId } from "../ports.ts";
import type { BuildScope, LayersResult } from "../solve/contract.ts";
import { viewOf, withLayer } from "./layer.ts";

/** What a step finds below the layer that it makes. */
export interface BaseView {
  /** Undefined where there is nothing. */
  readonly files: BaseFiles | undefined;
  /** Where users and groups are named; undefined where there is nothing. */
  readonly names: Tree | undefined;
}

/**
 * The files of a stack. Layers that copies made a moment ago are known by heart: only what is below them is looked at, so that a step
 * costs no more for all the copies before it.
 * @param needsNames whether `names` will be read
 */
export async function baseView(
  { context, shapes, needsNames }: { context: BuildScope; shapes: KnownShapes; needsNames: boolean },
  stack: readonly DiffId[],
  undo: AsyncDisposableStack,
): Promise<BaseView> {
  if (stack.length === 0) return { files: undefined, names: undefined };
  const above = shapes.above(stack);
  const below = await viewOf(context, stack.slice(0, stack.length - above.length));
  if (below !== undefined) undo.use(below);
  const tree = below && layersTree(below);
  if (needsNames && above.length > 0 && !areNamesIn(tree, above)) {
    const whole = layersTree(undo.use((await viewOf(context, stack))!));
    return { files: baseOfTree(whole), names: whole };
  }
  const files = tree && baseOfTree(tree);
  return { files: above.length === 0 ? files : baseWithShapes(files, above), names: tree };
}

/** Whether what is said of users and groups is all below. */
function areNamesIn(below: Tree | undefined, shapes: readonly LayerShape[]): below is Tree {
  if (below === undefined) return false;
  const kindBelow = (path: string) => scanPath(below.root, path)?.kind;
  if (kindBelow("etc") !== "directory") return false;
  return ["etc", "etc/passwd", "etc/group"].every((path) => {
    if (kindBelow(path) === "symlink") return false;
    return shapes.every((shape) => (shape.get(path)?.kind ?? "directory") === "directory");
  });
}

/** The stack with the planned layer on top, which is remembered for the next step. */
export async function withPlanned(
  { context, shapes, signal }: { context: BuildScope; shapes: KnownShapes; signal: AbortSignal },
  stack: readonly DiffId[],
  plan: LayerPlan,
): Promise<LayersResult> {
  const shape = new LayerShape();
  const result = await withLayer(context, stack, layerTar(plan, { epoch: context.epoch, signal, shape }));
  shapes.add(result.layers.at(-1)!, shape);
  return result;
}
