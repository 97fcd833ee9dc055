import { type Digest, digestOf, invalidParameter, isDigest } from "../../lib/index.ts";
import { CONFIG_TYPES, INDEX_TYPES, MANIFEST_TYPES, SCHEMA_1_TYPES } from "./media-types.ts";
import { platformsThatRunOn, platformText, rankOn } from "./platform.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** What points to content (OCI image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

export interface LayerDescriptor extends Descriptor {
  /** Where else it may be had; never with credentials. */
  readonly urls: readonly string[];
}

export interface PlatformDescriptor extends Descriptor {
  readonly platform: (Platform & { readonly osVersion?: string | undefined }) | undefined;
}

/** A document that a registry gave for a tag or digest, as its bytes came. */
export interface ManifestBytes {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface ImageManifest extends ManifestBytes {
  readonly kind: "image";
  readonly config: Descriptor;
  readonly layers: readonly LayerDescriptor[];
}

export interface ImageIndex extends ManifestBytes {
  readonly kind: "index";
  readonly manifests: readonly PlatformDescriptor[];
}

export type Manifest = ImageManifest | ImageIndex;

/** OCI distribution-spec: registries take at least this much, and nobody needs more. */
export const MANIFEST_BYTES_MAX = 4 << 20;
const LAYERS_MAX = 500;
const MANIFESTS_MAX = 10_000;

type Json = Record<string, unknown>;

const invalid = (reason: string) => invalidParameter(`invalid manifest: ${reason}`);

/**
 * Reads a manifest or an index that a stranger wrote.
 * @param contentType as the registry said; empty where it said nothing
 * @throws InvalidParameter for what is malformed, of another kind, or reads both ways
 */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest {
  if (bytes.length > MANIFEST_BYTES_MAX) throw invalid("it is larger than 4 MiB");
  const json = object("it", parseJson(bytes));
  const said = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (SCHEMA_1_TYPES.has(said) || json["schemaVersion"] === 1) {
    throw invalidParameter(
      "Docker Image manifest version 2, schema 1 is not supported: it is not content-addressed and was withdrawn; ask the image's author to push it again with a current tool",
    );
  }
  if (json["schemaVersion"] !== 2) throw invalid("its schemaVersion is not 2");
  const own = json["mediaType"] === undefined ? "" : text("mediaType", json["mediaType"]);
  const isKnown = (type: string) => MANIFEST_TYPES.has(type) || INDEX_TYPES.has(type);
  if (own !== "" && isKnown(said) && own !== said) {
    throw invalid(`its mediaType is ${own}, and the registry calls it ${said}`);
  }
  const mediaType = own || said;
  if (!isKnown(mediaType)) throw unsupported(mediaType);
  const facts = { mediaType, digest: digestOf(bytes), bytes };
  // One document that reads both ways means different things to different readers (CVE-2021-41190).
  const [hasImage, hasIndex] = ["layers" in json || "config" in json, "manifests" in json];
  if (INDEX_TYPES.has(mediaType)) {
    if (hasImage) throw invalid("an index is a manifest, too");
    return {
      kind: "index",
      ...facts,
      manifests: list("manifests", json["manifests"]).map(platformDescriptor),
    };
  }
  if (hasIndex) throw invalid("a manifest is an index, too");
  const layers = list("layers", json["layers"]);
  if (layers.length > LAYERS_MAX) throw invalid(`it has more than ${LAYERS_MAX} layers`);
  return {
    kind: "image",
    ...facts,
    config: descriptor("config", json["config"]),
    layers: layers.map(layerDescriptor),
  };
}

const unsupported = (mediaType: string) =>
  invalidParameter(`unsupported manifest format: ${JSON.stringify(mediaType.slice(0, 200))}`);

/** @throws InvalidParameter in Docker's words where a manifest is for something that is no image */
export function requireImage({ config }: ImageManifest): void {
  const type = config.mediaType;
  if (CONFIG_TYPES.has(type)) return;
  const what =
    type === "application/vnd.docker.plugin.v1+json"
      ? 'Encountered remote "application/vnd.docker.plugin.v1+json"(plugin config) when fetching'
      : `Encountered remote ${JSON.stringify(type.slice(0, 200))}(unknown) when fetching`;
  throw invalidParameter(what);
}

/**
 * The manifest of an index that runs best on a platform, the first of equals. One without a platform is for any, where
 * no other fits.
 */
export function choosePlatform(index: ImageIndex, platform: Platform): PlatformDescriptor | undefined {
  const runsOn = platformsThatRunOn(platform);
  let best: { rank: number; chosen: PlatformDescriptor } | undefined;
  for (const candidate of index.manifests) {
    if (candidate.platform === undefined) continue;
    const rank = rankOn(runsOn, candidate.platform);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { rank, chosen: candidate };
  }
  return best?.chosen ?? index.manifests.find((candidate) => candidate.platform === undefined);
}

/** Docker's text where an index has nothing for a platform. */
export function noMatchText(platform: Platform): string {
  return `no matching manifest for ${platformText(platform)} in the manifest list entries`;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("it is not JSON");
  }
}

function object(name: string, value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${name} is no object`);
  return value as Json;
}

function list(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw invalid(`${name} is no list`);
  if (value.length > MANIFESTS_MAX) throw invalid(`${name} is too long`);
  return value;
}

function text(name: string, value: unknown): string {
  if (typeof value !== "string" || value.length > 1000) throw invalid(`${name} is no text`);
  return value;
}

function descriptor(name: string, value: unknown): Descriptor {
  const json = object(name, value);
  const { digest, size } = json;
  if (typeof digest !== "string" || !isDigest(digest)) throw invalid(`${name} has no sha256 digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`${name} has no proper size`);
  const mediaType = json["mediaType"] === undefined ? "" : text(`${name}.mediaType`, json["mediaType"]);
  return { mediaType, digest, size };
}

function layerDescriptor(value: unknown): LayerDescriptor {
  const urls = (value as Json | null)?.["urls"];
  return {
    ...descriptor("layers", value),
    urls: urls === undefined || urls === null ? [] : list("urls", urls).map((url) => text("urls", url)),
  };
}

function platformDescriptor(value: unknown): PlatformDescriptor {
  const base = descriptor("manifests", value);
  const platform = (value as Json)["platform"];
  if (platform === undefined || platform === null) return { ...base, platform: undefined };
  const json = object("platform", platform);
  const optional = (name: string) =>
    json[name] === undefined || json[name] === null ? undefined : text(name, json[name]);
  return {
    ...base,
    platform: {
      os: optional("os") ?? "",
      architecture: optional("architecture") ?? "",
      variant: optional("variant"),
      osVersion: optional("os.version"),
    },
  };
}
