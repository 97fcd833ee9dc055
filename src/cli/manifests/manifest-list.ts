import { parseReference, type Reference } from "../text/reference.ts";
import type { ListedManifest } from "./store.ts";

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

/** What Go knows to build for, and Docker's client therefore lets through. */
const PLATFORMS: Readonly<Record<string, readonly string[]>> = {
  darwin: ["386", "amd64", "arm", "arm64"],
  dragonfly: ["amd64"],
  freebsd: ["386", "amd64", "arm"],
  linux: ["386", "amd64", "arm", "arm64", "loong64", "mips64", "mips64le", "ppc64le", "riscv64", "s390x"],
  netbsd: ["386", "amd64", "arm"],
  openbsd: ["386", "amd64", "arm"],
  plan9: ["386", "amd64"],
  solaris: ["amd64"],
  windows: ["386", "amd64", "arm", "arm64"],
};

export function isKnownPlatform(os: string, architecture: string): boolean {
  return Object.hasOwn(PLATFORMS, os) && PLATFORMS[os]!.includes(architecture);
}

/**
 * The list of these images as it goes to a registry, byte for byte as Docker's client writes it.
 * @throws Error in Docker's words for images without a platform, or of another registry
 */
export function manifestList(
  target: Reference,
  images: readonly ListedManifest[],
): { mediaType: string; text: string } {
  const manifests = images.map(({ Ref, Descriptor }) => {
    const { domain } = parseReference(Ref);
    if (domain !== target.domain) {
      throw new Error(
        `cannot use source images from a different registry than the target image: ${domain} != ${target.domain}`,
      );
    }
    const { mediaType, size, digest, platform } = Descriptor;
    if (!platform?.architecture || !platform.os) {
      throw new Error(`manifest ${Ref} must have an OS and Architecture to be pushed to a registry`);
    }
    const features = platform["os.features"];
    return {
      mediaType,
      size,
      digest,
      platform: {
        architecture: platform.architecture,
        os: platform.os,
        ...(platform["os.version"] ? { "os.version": platform["os.version"] } : {}),
        ...(features && features.length > 0 ? { "os.features": features } : {}),
        ...(platform.variant ? { variant: platform.variant } : {}),
      },
    };
  });
  const mediaType = manifests[0]?.mediaType === OCI_MANIFEST ? OCI_INDEX : DOCKER_LIST;
  return { mediaType, text: goJson({ schemaVersion: 2, mediaType, manifests }, "   ") };
}

/** As Go's `encoding/json` writes it: what HTML would take for its own is escaped. */
export function goJson(value: unknown, indent: string): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
