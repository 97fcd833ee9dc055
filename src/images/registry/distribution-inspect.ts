import { type Credentials, type Manifest, type Platform, requireImage } from "../../distribution/index.ts";
import type { DistributionInspect, OciPlatform } from "../../wire/index.ts";
import { CONFIG_BYTES_MAX, parseImageDocument } from "../config.ts";
import { type ImageName, withDefaultTag } from "../reference.ts";
import type { RegistryContext } from "./context.ts";

/** What a registry has under a name: its descriptor, and the platforms it is for. Nothing is kept. */
export async function inspectDistribution(
  context: RegistryContext,
  named: ImageName,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<DistributionInspect> {
  const name = withDefaultTag(named);
  const remote = await context.registries.repository(name, credentials);
  const manifest = await remote.manifest(name.digest ?? name.tag!, signal);
  const { mediaType, digest, bytes } = manifest;
  const platforms = await platformsOf(manifest, (config) => remote.bytes(config, CONFIG_BYTES_MAX, signal));
  return { Descriptor: { mediaType, digest, size: bytes.length }, Platforms: platforms };
}

async function platformsOf(
  manifest: Manifest,
  read: (config: { mediaType: string; digest: Manifest["digest"]; size: number }) => Promise<Uint8Array>,
): Promise<OciPlatform[]> {
  if (manifest.kind === "index") {
    return manifest.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [toWire(platform)]));
  }
  requireImage(manifest);
  const { os, architecture, variant, osVersion } = parseImageDocument(await read(manifest.config));
  return [toWire({ os, architecture, variant, osVersion })];
}

function toWire(platform: Platform & { readonly osVersion?: string | undefined }): OciPlatform {
  const { os, architecture, variant, osVersion } = platform;
  return {
    architecture,
    os,
    ...(osVersion ? { "os.version": osVersion } : {}),
    ...(variant ? { variant } : {}),
  };
}
