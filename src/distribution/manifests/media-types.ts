/** Docker's schema 2 and OCI's formats say the same in different words. */
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
export const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";

export const MANIFEST_TYPES: ReadonlySet<string> = new Set([DOCKER_MANIFEST, OCI_MANIFEST]);
export const INDEX_TYPES: ReadonlySet<string> = new Set([DOCKER_LIST, OCI_INDEX]);
/** Schema 1, signed and not: the format of before 2016. */
export const SCHEMA_1_TYPES: ReadonlySet<string> = new Set([
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
]);
/** Configurations of images; everything else is an artifact of some other kind. */
export const CONFIG_TYPES: ReadonlySet<string> = new Set([
  DOCKER_CONFIG,
  OCI_CONFIG,
  // Old registries that converted, and old clients, wrote these.
  "application/octet-stream",
  "text/html",
  "",
]);

/** What we can read, in the order in which we like it. */
export const ACCEPT = [DOCKER_MANIFEST, DOCKER_LIST, OCI_INDEX, OCI_MANIFEST].join(", ");
