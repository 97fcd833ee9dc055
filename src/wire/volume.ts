import { Int, list, nil, opt, type Static, struct, Text, TextMap, TextSet, Texts, Time } from "./schema.ts";

export const VolumeSchema = struct({
  Name: Text,
  Driver: Text,
  Mountpoint: Text,
  CreatedAt: opt(Time),
  Status: nil(TextSet),
  Labels: nil(TextMap),
  /** `local` or `global`. */
  Scope: Text,
  Options: nil(TextMap),
  /** Only in `/system/df`; -1: not known. */
  UsageData: nil(struct({ Size: Int, RefCount: Int })),
});
export type Volume = Static<typeof VolumeSchema>;

export const VolumeCreateRequestSchema = struct({
  Name: opt(Text),
  Driver: opt(Text),
  DriverOpts: nil(TextMap),
  Labels: nil(TextMap),
  /** Only a swarm can serve it. */
  ClusterVolumeSpec: nil(struct({})),
});
export type VolumeCreateRequest = Static<typeof VolumeCreateRequestSchema>;

export const VolumeListResponseSchema = struct({ Volumes: nil(list(VolumeSchema)), Warnings: nil(Texts) });
export type VolumeListResponse = Static<typeof VolumeListResponseSchema>;

export const VolumePruneResponseSchema = struct({ VolumesDeleted: nil(Texts), SpaceReclaimed: Int });
export type VolumePruneResponse = Static<typeof VolumePruneResponseSchema>;
