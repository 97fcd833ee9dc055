/** Named data. */
export type { VolumeDriver, VolumeFacts } from "./driver.ts";
export { ANONYMOUS_LABEL, checkVolumeName } from "./names.ts";
export type { PinnedPath } from "./subpath.ts";
export {
  type AcquiredVolume,
  type AcquireOptions,
  Volumes,
  type VolumesOptions,
  type VolumeUse,
} from "./volumes.ts";
