import { ImageDeleteItemSchema } from "./image.ts";
import { Bool, Int, list, nil, opt, type Static, struct, Text, TextMap, Texts, Time } from "./schema.ts";

/** How a name came to point where it points. Which fields there are depends on the kind. */
export const ImageMoveSchema = struct({
  /** `pull`, `build`, `commit`, `load`, `import`, `tag`, `rollback`, `untag`, or `earlier`: before it was recorded. */
  Kind: Text,
  /** `pull`: the registry, and what it has under the name. */
  Registry: opt(Text),
  Digest: opt(Text),
  /** `tag`: the name or id that was given. */
  From: opt(Text),
  /** `rollback`: the version that is there again. */
  Version: opt(Int),
  /** `commit`: id and name. */
  Container: opt(Text),
  ContainerName: opt(Text),
  /** `build`: digests of what the image was made of. */
  Dockerfile: opt(Text),
  Context: opt(Text),
  Arguments: nil(TextMap),
  Bases: nil(list(struct({ Reference: Text, Digest: Text }))),
  Provenance: opt(Text),
});
export type ImageMove = Static<typeof ImageMoveSchema>;

/** What an image has that the one before had not, in short. */
export const ImageChangeSummarySchema = struct({
  LayersAdded: Int,
  LayersRemoved: Int,
  /** Bytes of the files of all layers: this image's less the other's. */
  SizeDelta: Int,
  /** Names of the configuration's fields: `Env`, `Cmd`. */
  Config: Texts,
});
export type ImageChangeSummary = Static<typeof ImageChangeSummarySchema>;

/** One move of a name. */
export const ImageVersionSchema = struct({
  /** Of this name, from 1 on. */
  Number: Int,
  Time,
  /** Empty: the name was removed. */
  Image: Text,
  /** What it pointed at before; empty: nothing. */
  Before: Text,
  /** The name points there since this move. */
  Current: Bool,
  /** `present`: the image is here; `gone`: it was removed; `none`: the name was. */
  State: Text,
  User: Text,
  Client: Text,
  How: ImageMoveSchema,
  /** Bytes of the files of all layers. */
  Size: Int,
  Layers: Int,
  Changes: nil(ImageChangeSummarySchema),
  /** By which an image that is gone can be pulled. */
  PullReference: opt(Text),
});
export type ImageVersion = Static<typeof ImageVersionSchema>;

export const ImageRollbackResponseSchema = struct({
  /** The name, as people say it. */
  Name: Text,
  /** The version that is there again. */
  Restored: Int,
  /** The number of the new version, which is this move. */
  Number: Int,
  Image: Text,
  Before: Text,
});
export type ImageRollbackResponse = Static<typeof ImageRollbackResponseSchema>;

export const ImageVersionsPruneResponseSchema = struct({
  /** `debian:12@3` */
  VersionsDeleted: nil(Texts),
  ImagesDeleted: nil(list(ImageDeleteItemSchema)),
  SpaceReclaimed: Int,
});
export type ImageVersionsPruneResponse = Static<typeof ImageVersionsPruneResponseSchema>;

/** In `/system/df`: what past versions alone keep on the disk. It is part of the images' sizes as well. */
export const ImageVersionsUsageSchema = struct({
  /** Images that are here for past versions only. */
  Images: Int,
  /** Bytes of the layers that only these images have. */
  Size: Int,
});
export type ImageVersionsUsage = Static<typeof ImageVersionsUsageSchema>;

/** A field of an image's configuration, or one entry of one that is a map: both values as JSON, or nothing. */
export const ImageConfigChangeSchema = struct({
  /** `Cmd`; `Env.PATH`, `Labels.version`, `ExposedPorts.80/tcp`. */
  Field: Text,
  /** `added`, `changed` or `removed`. */
  Change: Text,
  Before: opt(Text),
  After: opt(Text),
});
export type ImageConfigChange = Static<typeof ImageConfigChangeSchema>;

export const ImageLayerChangeSchema = struct({
  /** `same`, `added` or `removed`. */
  Change: Text,
  Digest: Text,
  Size: Int,
  CreatedBy: Text,
});
export type ImageLayerChange = Static<typeof ImageLayerChangeSchema>;

export const ImageFileChangeSchema = struct({
  /** Absolute. Bytes that are not UTF-8 are lone surrogates, U+DC80 to U+DCFF. */
  Path: Text,
  /** `added`, `changed` or `removed`. */
  Change: Text,
  /** `file`, `directory`, `symlink`, `char`, `block`, `fifo`, `socket`; of what is there now, else of what was. */
  Type: Text,
  /** Bytes of a file; 0 of everything else, and where it is not there. */
  Size: Int,
  SizeBefore: Int,
  /** Of a change: `type`, `content`, `mode`, `owner`, `time`, `target`, `device`, `capabilities`. */
  What: opt(Texts),
});
export type ImageFileChange = Static<typeof ImageFileChangeSchema>;

export const ImageFileTotalsSchema = struct({
  Added: Int,
  Changed: Int,
  Removed: Int,
  /** Files of which only the time of modification is another: they are not among the changed ones. */
  TimeOnly: Int,
  /** Bytes. */
  SizeDelta: Int,
});
export type ImageFileTotals = Static<typeof ImageFileTotalsSchema>;

const ComparedImageSchema = struct({ Reference: Text, Id: Text, Size: Int, Layers: Int });

/** What is different from one image to another. */
export const ImageDiffSchema = struct({
  From: ComparedImageSchema,
  To: ComparedImageSchema,
  Config: list(ImageConfigChangeSchema),
  /** Bottom first: what both have, then what only the first has, then what only the second has. */
  Layers: list(ImageLayerChangeSchema),
  /** In the order of paths. */
  Files: list(ImageFileChangeSchema),
  Totals: ImageFileTotalsSchema,
});
export type ImageDiff = Static<typeof ImageDiffSchema>;

export const ImageLayerSchema = struct({
  /** From the bottom, from 1 on. */
  Number: Int,
  /** Of the uncompressed tar. */
  Digest: Text,
  /** Bytes of its files. */
  Size: Int,
  Created: opt(Time),
  CreatedBy: Text,
  Comment: Text,
  /** Other images that have the layer. */
  SharedWith: list(struct({ Id: Text, Names: Texts })),
});
export type ImageLayer = Static<typeof ImageLayerSchema>;

export const ImageLayersSchema = struct({
  Id: Text,
  Names: Texts,
  Size: Int,
  /** Bytes of the layers that no other image has. */
  UniqueSize: Int,
  /** Bottom first. */
  Layers: list(ImageLayerSchema),
});
export type ImageLayers = Static<typeof ImageLayersSchema>;

/** One file of a layer or an image: a line of the answer. */
export const ImageFileSchema = struct({
  /** Absolute. Bytes that are not UTF-8 are lone surrogates, U+DC80 to U+DCFF. */
  Path: Text,
  /** As of a change; `deleted`: the layer takes away what layers below it have there. */
  Type: Text,
  /** Permission bits, with set-user-id, set-group-id and sticky: 0 to 4095. */
  Mode: Int,
  Uid: Int,
  Gid: Int,
  /** Bytes of a file. */
  Size: Int,
  /** With nanoseconds. */
  ModTime: Time,
  /** A symbolic link's target. */
  Link: opt(Text),
  /** Of a device. */
  Major: opt(Int),
  Minor: opt(Int),
  /** A directory that hides all that layers below have in it. */
  Opaque: opt(Bool),
});
export type ImageFile = Static<typeof ImageFileSchema>;
