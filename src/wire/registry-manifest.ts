import { OciDescriptorSchema } from "./oci.ts";
import { Bool, list, type Static, struct, Text, Texts } from "./schema.ts";

/** An image's manifest as a registry has it. */
export const RegistryManifestSchema = struct({
  /** The full name that it was found by. */
  Ref: Text,
  /** With the platform: the one that the list says, else the configuration's own. */
  Descriptor: OciDescriptorSchema,
  /** Its bytes, in base64. */
  Raw: Text,
});
export type RegistryManifest = Static<typeof RegistryManifestSchema>;

/** What a registry has under a name: one image, or a list of them. */
export const RegistryManifestsSchema = struct({
  IsList: Bool,
  Manifests: list(RegistryManifestSchema),
});
export type RegistryManifests = Static<typeof RegistryManifestsSchema>;

/** A manifest list that is to be in a registry, under the name of the request's path. */
export const ManifestListPushRequestSchema = struct({
  MediaType: Text,
  /** The list's bytes, in base64. */
  Raw: Text,
  /** Those of the list's images that other repositories of the same registry have. */
  Images: list(struct({ Repository: Text, MediaType: Text, Raw: Text })),
});
export type ManifestListPushRequest = Static<typeof ManifestListPushRequestSchema>;

export const ManifestListPushResponseSchema = struct({
  /** Digests of the images that the repository has been given. */
  Pushed: Texts,
  /** Of the list. */
  Digest: Text,
});
export type ManifestListPushResponse = Static<typeof ManifestListPushResponseSchema>;
