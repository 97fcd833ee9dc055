import { type Digest, digestOf, type EngineError, notFound } from "../../lib/index.ts";
import {
  type FileDigests,
  type KnownSelections,
  layersTree,
  resolve,
  select,
  selectionDigest,
  sourceTree,
  type Tree,
} from "../contents/index.ts";
import type { Work } from "../solve/contract.ts";
import { viewOrEmpty } from "./layer.ts";

/** In BuildKit's words. */
export function missingSource(path: string): EngineError {
  return notFound(`${JSON.stringify(path)}: not found`);
}

/** Where a mount's path leads in a tree, with links followed within it. @throws NotFound */
export function inputPath(tree: Tree, path: string): string {
  const place = resolve(tree, path, { followLast: true });
  if (place.entry === undefined) throw missingSource(path);
  return place.path;
}

/** The digest of what a mount shows of an input, remembered for layers, which never change. */
export async function mountDigest(
  { inputs, context, signal }: Work<"run">,
  { input: number, path }: { readonly input: number; readonly path: string },
  options: { readonly digests: FileDigests; readonly known: KnownSelections | undefined },
): Promise<Digest> {
  const input = inputs[number]!;
  const digest = async (tree: Tree) => {
    const choice = { path: `/${inputPath(tree, path)}`, wildcards: false };
    return await selectionDigest(tree, await select(tree, choice, { withDigests: true, signal }));
  };
  if (input.kind === "source") {
    await options.digests.load();
    return await digest(sourceTree(input.source, options.digests));
  }
  const chosen = digestOf(JSON.stringify(["mount/1", input.layers, path]));
  const known = options.known?.find(chosen);
  if (known !== undefined) return known;
  using view = await viewOrEmpty(context, input.layers);
  const found = await digest(layersTree(view));
  options.known?.add(chosen, found);
  return found;
}
