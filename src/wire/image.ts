import { GraphDriverSchema } from "./container.ts";
import { ContainerConfigSchema, ImageConfigSchema } from "./container-config.ts";
import { OciDescriptorSchema, OciPlatformSchema } from "./oci.ts";
import {
  AnyObject,
  Bool,
  Int,
  list,
  nil,
  opt,
  type Static,
  struct,
  Text,
  TextMap,
  Texts,
  Time,
} from "./schema.ts";

export const ImageManifestSummarySchema = struct({
  ID: Text,
  Descriptor: OciDescriptorSchema,
  Available: Bool,
  Size: struct({ Total: Int, Content: Int }),
  /** `image`, `attestation` or `unknown`. */
  Kind: Text,
  ImageData: nil(struct({ Platform: OciPlatformSchema, Containers: Texts, Size: struct({ Unpacked: Int }) })),
  AttestationData: nil(struct({ For: Text })),
});
export type ImageManifestSummary = Static<typeof ImageManifestSummarySchema>;

export const ImageInspectSchema = struct({
  Id: Text,
  Descriptor: nil(OciDescriptorSchema),
  Manifests: nil(list(ImageManifestSummarySchema)),
  RepoTags: Texts,
  RepoDigests: Texts,
  /** Until v1.51. */
  Parent: opt(Text),
  Comment: opt(Text),
  Created: opt(Time),
  /** Until v1.51. */
  DockerVersion: opt(Text),
  Author: opt(Text),
  Config: nil(ImageConfigSchema),
  Architecture: Text,
  Variant: opt(Text),
  Os: Text,
  OsVersion: opt(Text),
  Size: Int,
  /** Until v1.43. */
  VirtualSize: opt(Int),
  GraphDriver: nil(GraphDriverSchema),
  RootFS: struct({ Type: Text, Layers: nil(Texts) }),
  Metadata: struct({ LastTagTime: opt(Time) }),
});
export type ImageInspect = Static<typeof ImageInspectSchema>;

/** One line of `docker images`. */
export const ImageSummarySchema = struct({
  Id: Text,
  ParentId: Text,
  RepoTags: Texts,
  RepoDigests: Texts,
  /** Seconds since the epoch. */
  Created: Int,
  Size: Int,
  /** -1: not asked for. */
  SharedSize: Int,
  /** Until v1.43. */
  VirtualSize: opt(Int),
  Labels: nil(TextMap),
  /** -1: not asked for. */
  Containers: Int,
  Manifests: nil(list(ImageManifestSummarySchema)),
  Descriptor: nil(OciDescriptorSchema),
});
export type ImageSummary = Static<typeof ImageSummarySchema>;

export const ImageHistoryItemSchema = struct({
  /** `<missing>` for all but the image itself. */
  Id: Text,
  /** Seconds since the epoch. */
  Created: Int,
  CreatedBy: Text,
  Tags: nil(Texts),
  Size: Int,
  Comment: Text,
});
export type ImageHistoryItem = Static<typeof ImageHistoryItemSchema>;

/** What `rmi` did: either of the two is set. */
export const ImageDeleteItemSchema = struct({ Untagged: opt(Text), Deleted: opt(Text) });
export type ImageDeleteItem = Static<typeof ImageDeleteItemSchema>;

export const ImagePruneResponseSchema = struct({
  ImagesDeleted: nil(list(ImageDeleteItemSchema)),
  SpaceReclaimed: Int,
});
export type ImagePruneResponse = Static<typeof ImagePruneResponseSchema>;

/** What somebody says of an image (an in-toto statement): how it was built, what is in it. */
export const AttestationStatementSchema = struct({
  Descriptor: OciDescriptorSchema,
  PredicateType: Text,
  /** Only where it was asked for. */
  Statement: nil(AnyObject),
});
export type AttestationStatement = Static<typeof AttestationStatementSchema>;

/** The body of `POST /commit`: the configuration that the new image gets; nothing: the container's. */
export const CommitRequestSchema = ContainerConfigSchema;
export type CommitRequest = Static<typeof CommitRequestSchema>;

export const IdResponseSchema = struct({ Id: Text });
export type IdResponse = Static<typeof IdResponseSchema>;

/** One answer of `docker search`. */
export const ImageSearchItemSchema = struct({
  description: Text,
  is_official: Bool,
  /** Nothing is any more. */
  is_automated: Bool,
  name: Text,
  star_count: Int,
});
export type ImageSearchItem = Static<typeof ImageSearchItemSchema>;

/** What a registry has under a name. */
export const DistributionInspectSchema = struct({
  Descriptor: OciDescriptorSchema,
  Platforms: list(OciPlatformSchema),
});
export type DistributionInspect = Static<typeof DistributionInspectSchema>;

/** One line of the progress that `pull`, `load`, `import`, `push` and `build` stream. */
export const JsonMessageSchema = struct({
  stream: opt(Text),
  status: opt(Text),
  id: opt(Text),
  progress: opt(Text),
  progressDetail: nil(struct({ current: opt(Int), total: opt(Int) })),
  error: opt(Text),
  errorDetail: nil(struct({ code: opt(Int), message: opt(Text) })),
  aux: nil(struct({ ID: opt(Text), Tag: opt(Text), Digest: opt(Text), Size: opt(Int) })),
});
export type JsonMessage = Static<typeof JsonMessageSchema>;
