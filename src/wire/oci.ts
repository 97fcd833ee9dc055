import { Int, nil, opt, type Static, struct, Text, TextMap, Texts } from "./schema.ts";

/** OCI image-spec, descriptor.md. */
export const OciPlatformSchema = struct({
  architecture: Text,
  os: Text,
  "os.version": opt(Text),
  "os.features": nil(Texts),
  variant: opt(Text),
});
export type OciPlatform = Static<typeof OciPlatformSchema>;

export const OciDescriptorSchema = struct({
  mediaType: Text,
  digest: Text,
  size: Int,
  urls: nil(Texts),
  annotations: nil(TextMap),
  data: nil(Text),
  platform: nil(OciPlatformSchema),
  artifactType: nil(Text),
});
export type OciDescriptor = Static<typeof OciDescriptorSchema>;
