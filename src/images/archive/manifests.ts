import { invalidParameter, isDigest } from "../../lib/index.ts";
import type { ArchiveContent, ArchiveLayer } from "./archive-content.ts";
import { blobPath, cleanPath, requireDigest } from "./archive-paths.ts";

/** An image as an archive tells it, before anything of it is verified. */
export interface ArchivedImage {
  /** Bytes of its configuration. */
  readonly config: Uint8Array;
  /** Names it had where it came from. */
  readonly names: readonly string[];
  /** Its layers, bottom first. */
  layers(): Promise<ArchiveLayer[]>;
}

const IMAGES_MAX = 1000;
const INDEX_DEPTH_MAX = 4;

const MANIFEST_TYPES = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);
const INDEX_TYPES = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
const CONFIG_TYPES = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

type Json = Record<string, unknown>;

export interface Platform {
  readonly os: string;
  readonly architecture?: string;
  readonly variant?: string;
}

/**
 * The images of an archive: by Docker's `manifest.json` where there is one, else by OCI's image layout.
 * @throws InvalidParameter where it is neither
 */
export function readImages(content: ArchiveContent, platform: Platform): ArchivedImage[] {
  const docker = content.file("manifest.json");
  if (docker !== undefined) return dockerImages(content, parse("manifest.json", docker));
  if (content.file("oci-layout") === undefined) {
    throw invalidParameter("invalid archive: does not contain a manifest.json");
  }
  const layout = object("oci-layout", parse("oci-layout", content.requireFile("oci-layout")));
  if (layout["imageLayoutVersion"] !== "1.0.0") throw invalid("oci-layout has an unknown version");
  return new Layout(content, platform).images();
}

const invalid = (reason: string) => invalidParameter(`invalid archive: ${reason}`);

function parse(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw invalidParameter(`invalid archive: ${name} is not JSON`, error);
  }
}

function object(name: string, value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${name} is no object`);
  return value as Json;
}

function list(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw invalid(`${name} is no list`);
  return value;
}

function texts(name: string, value: unknown): string[] {
  return list(name, value ?? []).map((item) => {
    if (typeof item !== "string") throw invalid(`${name} is no list of strings`);
    return item;
  });
}

/** Docker's `manifest.json`: a list of `{Config, RepoTags, Layers}`. */
function dockerImages(content: ArchiveContent, json: unknown): ArchivedImage[] {
  const entries = list("manifest.json", json);
  if (entries.length > IMAGES_MAX) throw invalid("too many images");
  return entries.map((value) => {
    const entry = object("manifest.json", value);
    if (typeof entry["Config"] !== "string") throw invalid("manifest.json names no configuration");
    const paths = texts("Layers", entry["Layers"]);
    return {
      config: content.requireFile(cleanPath(entry["Config"])),
      names: texts("RepoTags", entry["RepoTags"]),
      layers: () => Promise.all(paths.map((path) => content.layer(path))),
    };
  });
}

/** OCI image-spec, image-layout.md. */
class Layout {
  readonly #content: ArchiveContent;
  readonly #platform: Platform;
  #visited = 0;

  constructor(content: ArchiveContent, platform: Platform) {
    this.#content = content;
    this.#platform = platform;
  }

  images(): ArchivedImage[] {
    const index = object("index.json", parse("index.json", this.#content.requireFile("index.json")));
    const byConfig = new Map<string, ArchivedImage & { names: string[] }>();
    for (const value of list("index.json", index["manifests"])) {
      const descriptor = object("index.json", value);
      const image = this.#image(descriptor, 0);
      if (image === undefined) continue;
      const key = String(object("descriptor", descriptor)["digest"]);
      const names = nameOf(descriptor);
      const known = byConfig.get(key);
      if (known !== undefined) known.names.push(...names);
      else byConfig.set(key, { ...image, names });
    }
    return [...byConfig.values()];
  }

  /** Undefined for what is no image, or none for this platform. */
  #image(descriptor: Json, depth: number): ArchivedImage | undefined {
    if (++this.#visited > IMAGES_MAX || depth > INDEX_DEPTH_MAX) throw invalid("too many images");
    const mediaType = String(descriptor["mediaType"]);
    if (INDEX_TYPES.has(mediaType)) return this.#fromIndex(descriptor, depth);
    return MANIFEST_TYPES.has(mediaType) ? this.#fromManifest(descriptor) : undefined;
  }

  /** One image of an index: the first that is for the platform. */
  #fromIndex(descriptor: Json, depth: number): ArchivedImage | undefined {
    const index = this.#blob(descriptor);
    // One document that reads both ways means different things to different readers (CVE-2021-41190).
    if ("layers" in index || "config" in index) throw invalid("an index is a manifest, too");
    for (const value of list("manifests", index["manifests"])) {
      const child = object("manifests", value);
      if (!this.#isWanted(child["platform"])) continue;
      const present = this.#content.file(blobPath(requireDigest(child["digest"]))) !== undefined;
      const image = present ? this.#image(child, depth + 1) : undefined;
      if (image !== undefined) return image;
    }
    return undefined;
  }

  #isWanted(value: unknown): boolean {
    if (value === undefined || value === null) return true;
    const { os, architecture, variant } = object("platform", value);
    const wanted = this.#platform;
    return (
      os === wanted.os &&
      (wanted.architecture === undefined || architecture === wanted.architecture) &&
      (wanted.variant === undefined || variant === wanted.variant)
    );
  }

  #fromManifest(descriptor: Json): ArchivedImage | undefined {
    const manifest = this.#blob(descriptor);
    if ("manifests" in manifest) throw invalid("a manifest is an index, too");
    const config = object("config", manifest["config"]);
    if (!CONFIG_TYPES.has(String(config["mediaType"]))) return undefined;
    const layers = list("layers", manifest["layers"]).map((value) => {
      const layer = object("layers", value);
      return { path: blobPath(requireDigest(layer["digest"])), size: layer["size"] };
    });
    return {
      config: this.#blobBytes(config),
      names: [],
      layers: () =>
        Promise.all(
          layers.map(async ({ path, size }) => {
            const layer = await this.#content.layer(path);
            if (layer.stored !== undefined && layer.stored.sizeBytes !== size)
              throw invalid(`${path} has a wrong size`);
            return layer;
          }),
        ),
    };
  }

  #blob(descriptor: Json): Json {
    return object("a blob", parse(String(descriptor["digest"]), this.#blobBytes(descriptor)));
  }

  /** Digest and size as the descriptor says. */
  #blobBytes(descriptor: Json): Uint8Array {
    const bytes = this.#content.requireFile(blobPath(requireDigest(descriptor["digest"])));
    if (descriptor["size"] !== bytes.length) throw invalid(`${descriptor["digest"]} has a wrong size`);
    return bytes;
  }
}

/** The image's whole name as containerd writes it, or, where it is one, as OCI's tools do. */
function nameOf(descriptor: Json): string[] {
  const annotations = descriptor["annotations"];
  if (typeof annotations !== "object" || annotations === null) return [];
  const named = annotations as Json;
  const full = named["io.containerd.image.name"];
  if (typeof full === "string") return [full];
  const reference = named["org.opencontainers.image.ref.name"];
  return typeof reference === "string" && /[:/]/.test(reference) && !isDigest(reference) ? [reference] : [];
}
