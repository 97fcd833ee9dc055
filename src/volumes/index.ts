/** Named data. */
export type { VolumeDriver, VolumeFacts } from "./driver.ts";
export { ANONYMOUS_LABEL, checkVolumeName } from "./names.ts";
export { PLUGIN_FOLDERS } from "./plugins/address.ts";
export type { PinnedPath } from "./subpath.ts";
export type { Freeze, Frozen } from "./transfer.ts";
export type { CloneOptions, ExportOptions, ImportOptions, VolumeTransfers } from "./transfers.ts";
export {
  type AcquiredVolume,
  type AcquireOptions,
  Volumes,
  type VolumesOptions,
  type VolumeUse,
} from "./volumes.ts";
