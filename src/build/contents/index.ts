/** Files to copy: which they are, what they come to as a digest, and the layer that is made of them. */
export { type BaseFiles, baseOfTree, baseWithShapes, KnownShapes, LayerShape } from "./base-files.ts";
export { selectionDigest, timesDigest } from "./digest.ts";
export { digestChoice } from "./digest-choice.ts";
export { FileDigests } from "./file-digests.ts";
export type { FolderHelp } from "./fingerprint-thread.ts";
export { hasWildcards } from "./glob.ts";
export { KnownSelections } from "./known-selections.ts";
export { type CopyManner, LayerPlan } from "./layer-plan.ts";
export { type LayerTarOptions, layerTar } from "./layer-tar.ts";
export { LocalTree } from "./local-tree.ts";
export { octalMode, parseModeChange } from "./mode.ts";
export { hasNames, resolveOwner } from "./owner.ts";
export {
  type Choice,
  type SelectedSource,
  type SelectOptions,
  type SourceNode,
  select,
} from "./selection.ts";
export { readSelected } from "./source-file.ts";
export { follow, layersTree, resolve, sourceTree, type Tree } from "./tree.ts";
