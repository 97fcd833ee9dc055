/** Images, their layers, and the writable layers of containers. */
export {
  checkInsecure,
  parseMirror,
  proxiesOfEnvironment,
  type RegistriesConfig,
  type RegistryRule,
} from "../distribution/index.ts";
export type { BuildImages } from "./build-images.ts";
export type { BuildLayers } from "./build-layers.ts";
export type { CommitOptions } from "./commit.ts";
export type { ContainerSnapshots } from "./container-snapshots.ts";
export type { ImageFilters } from "./filters.ts";
export { Images, type ImagesOptions, type ResolvedImage } from "./images.ts";
export type { ImportOptions } from "./import.ts";
export type { ListOptions } from "./list.ts";
export { openSnapshotter, type SnapshotterName, type SnapshotterOptions } from "./snapshots/open.ts";
export type { Snapshotter } from "./snapshots/snapshotter.ts";
export type { BuildFacts } from "./versions/moves.ts";
export type { VersionLimits } from "./versions/versions.ts";
