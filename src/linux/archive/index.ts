/** Tar archives and copies of trees that somebody else controls. */
export { type CopyOptions, copyTree } from "./copy.ts";
export { type ErofsFiles, mountErofs, openErofs } from "./erofs.ts";
export { contentBytesOf, type ExtractOptions, type ExtractResult, extractTar } from "./extract.ts";
export {
  isOpaque,
  isOpaqueItself,
  isWhiteout,
  META_PREFIX,
  makeOpaque,
  makeWhiteout,
  OPAQUE_MARK,
  WHITEOUT_PREFIX,
} from "./overlay.ts";
export { type PackOptions, packTree } from "./pack.ts";
export { type Placement, placeOf } from "./place.ts";
export { Turns } from "./turns.ts";
export { LONGEST_PATH, type WalkEntry, type WalkOptions, type WalkStep, walkTree } from "./walk.ts";
export { travels } from "./xattrs.ts";
