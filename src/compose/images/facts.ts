import { kindOf } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import type { ImageInspect, ImageManifestSummary } from "../../wire/index.ts";
import { matchesPlatform, type Platform, parsePlatform } from "./platforms.ts";

/** What is known of an image that a service's containers are made of. */
export interface ImageFacts {
  /** As the engine names it. */
  readonly id: string;
  /** The value of the label `com.docker.compose.image`: when it changes, containers are made anew. */
  readonly digest: string;
}

/** Asks the engine for several images at once. Those that it does not have are not in the answer. */
export async function readImages(
  engine: Engine,
  names: Iterable<string>,
  signal?: AbortSignal,
): Promise<Map<string, ImageInspect>> {
  const found = await Promise.all(
    [...new Set(names)].map(async (name) => [name, await readImage(engine, name, signal)] as const),
  );
  return new Map(found.filter((pair): pair is [string, ImageInspect] => pair[1] !== undefined));
}

/** Undefined where the engine does not have it. With the manifests of all its platforms, where the engine keeps such. */
export async function readImage(
  engine: Engine,
  name: string,
  signal?: AbortSignal,
): Promise<ImageInspect | undefined> {
  const path = `/images/${encodeURIComponent(name).replaceAll("%2F", "/").replaceAll("%3A", ":")}/json`;
  try {
    return await engine.json<ImageInspect>({ method: "GET", path, query: { manifests: true }, signal });
  } catch (error) {
    if (kindOf(error) === "NotFound") return undefined;
    throw error;
  }
}

/**
 * The facts of an image for a platform (none: that of the engine). An image with several manifests, or with attestations,
 * is known by the manifest that would run: it stays the same when only what is said about it has changed.
 *
 * @returns undefined where the image is there, but not for this platform.
 */
export function factsOf(image: ImageInspect, platform?: string): ImageFacts | undefined {
  const own: Platform = { os: image.Os, architecture: image.Architecture, variant: image.Variant ?? "" };
  const wanted = platform === undefined ? own : parsePlatform(platform);
  const manifests = (image.Manifests ?? []).filter(({ Kind, Available }) => Kind === "image" && Available);
  if (manifests.length === 0)
    return matchesPlatform(own, wanted) ? { id: image.Id, digest: image.Id } : undefined;
  const matching = manifests.find((manifest) => matchesPlatform(platformIn(manifest) ?? own, wanted));
  if (matching === undefined) return platform === undefined ? { id: image.Id, digest: image.Id } : undefined;
  return { id: image.Id, digest: matching.ID };
}

function platformIn({ ImageData }: ImageManifestSummary): Platform | undefined {
  const platform = ImageData?.Platform as Platform | undefined;
  return platform;
}
