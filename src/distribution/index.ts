/** The registry protocol, client side (OCI distribution-spec). */
export { type Credentials, credentialsOfHeader } from "./auth/credentials.ts";
export {
  DEFAULT_REGISTRIES,
  type Patience,
  type ProxySettings,
  type RegistriesConfig,
  type RegistryRule,
} from "./config.ts";
export { checkInsecure, parseMirror, type RepositoryName } from "./endpoints.ts";
export { RegistryError } from "./errors.ts";
export * from "./manifests/manifest.ts";
export * from "./manifests/media-types.ts";
export { platformsThatRunOn, platformText, rankOn } from "./manifests/platform.ts";
export { proxiesOfEnvironment } from "./proxies.ts";
export { Registries } from "./registries.ts";
export { type RemoteRepository, verificationFailed } from "./repository.ts";
export type { SearchResult } from "./search.ts";
export type { BegunUpload, BlobArrival, BlobSource, PushTarget } from "./upload.ts";
