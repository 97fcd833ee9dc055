import {
  type Digest,
  digestHex,
  digestOf,
  encodeHeader,
  invalidParameter,
  padding,
  TAR_END,
} from "../../lib/index.ts";
import type { ImageRecord } from "../catalog.ts";
import { type ImageContext, tellImageEvent } from "../context.ts";
import {
  familiarName,
  familiarRepository,
  fullName,
  type ImageName,
  parseImageName,
  parseImageReference,
  repositoryOf,
} from "../reference.ts";
import { checkPlatform, resolveImage } from "../resolve.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import { blobPath } from "./archive-paths.ts";

const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

export interface SaveOptions {
  /** For whoever sends it on: each piece holds only until the next is asked for. */
  readonly reuse?: boolean | undefined;
}

interface SavedImage {
  readonly record: ImageRecord;
  /** Tags by which it was asked for. */
  readonly tags: ImageName[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/**
 * `docker save`: one archive that is both an OCI image layout and Docker's own (`manifest.json`), as Docker writes
 * it since version 25. Equal images give equal bytes. What describes the images comes before the layers, so that
 * whoever reads it as a stream knows which of them it wants.
 * @throws NotFound for names that are not here, before anything is written
 */
export function saveImages(
  context: ImageContext,
  names: readonly string[],
  platform: string | undefined,
  options: SaveOptions = {},
): AsyncIterable<Uint8Array> {
  if (names.length === 0) throw invalidParameter("no image was named");
  const images = collect(context, names);
  for (const { record } of images) checkPlatform(record, record.document.id, platform);
  return write(context, images, options);
}

/** The same of an image that is not recorded; its layers are here, and held by the caller. */
export function saveDocument(
  context: ImageContext,
  document: ImageRecord["document"],
  tags: readonly ImageName[],
): AsyncIterable<Uint8Array> {
  const record: ImageRecord = { document, createdMs: 0, parent: undefined, lastTagged: undefined };
  return write(context, [{ record, tags: [...tags] }]);
}

function collect(context: ImageContext, names: readonly string[]): SavedImage[] {
  const images = new Map<Digest, SavedImage>();
  const add = (record: ImageRecord, tag: ImageName | undefined) => {
    const image = images.get(record.document.id) ?? { record, tags: [] };
    images.set(record.document.id, image);
    const isNew = tag?.tag !== undefined && !image.tags.some((known) => fullName(known) === fullName(tag));
    if (isNew) image.tags.push({ ...tag, digest: undefined });
  };
  for (const text of names) {
    const tags = allTagsOf(context, text);
    for (const tag of tags) add(resolveImage(context, fullName(tag)).record, tag);
    if (tags.length > 0) continue;
    const { record, name } = resolveImage(context, text);
    add(record, name);
  }
  return [...images.values()];
}

/** A repository's name alone means all of its tags. */
function allTagsOf({ catalog }: ImageContext, text: string): ImageName[] {
  const reference = parseImageReference(text);
  if (reference.kind === "id" || reference.name.tag !== undefined || reference.name.digest !== undefined)
    return [];
  const repository = repositoryOf(reference.name);
  return catalog.tagsOf(repository).map(parseImageName);
}

async function* write(
  context: ImageContext,
  images: readonly SavedImage[],
  options: SaveOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const layers = new Set(images.flatMap(({ record }) => record.document.layers));
  using _held = await context.layers.holdAll([...layers]);
  const blobs = new Map<Digest, Uint8Array>();
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const manifests = images.map((image) => ociManifest(context, image, blobs));
  yield file("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  yield file("index.json", json({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: manifests.flat() }));
  yield file("manifest.json", json(images.map((image) => dockerManifest(context, image))));
  const repositories = repositoriesOf(images);
  if (Object.keys(repositories).length > 0) yield file("repositories", json(repositories));
  yield directory("blobs/");
  yield directory("blobs/sha256/");
  for (const [digest, bytes] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1)))
    yield file(blobPath(digest), bytes);
  for (const diffId of [...layers].sort()) yield* layerFile(context, diffId, options);
  yield TAR_END;
  for (const { record } of images) tellImageEvent(context, "save", record.document.id, record.document.id);
}

function file(name: string, bytes: Uint8Array): Uint8Array {
  const header = encodeHeader({ name, kind: "file", mode: 0o644, size: bytes.length });
  return Buffer.concat([header, bytes, padding(bytes.length)]);
}

function directory(name: string): Uint8Array {
  return encodeHeader({ name, kind: "directory", mode: 0o755 });
}

async function* layerFile(
  context: ImageContext,
  diffId: DiffId,
  { reuse }: SaveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { tarBytes } = context.layers.record(diffId);
  yield encodeHeader({ name: blobPath(diffId), kind: "file", mode: 0o644, size: tarBytes });
  yield* reuse ? context.layers.readAhead(diffId) : context.layers.read(diffId);
  yield padding(tarBytes);
}

function layerDescriptor(context: ImageContext, diffId: DiffId): Descriptor {
  return { mediaType: LAYER_TYPE, digest: diffId, size: context.layers.record(diffId).tarBytes };
}

/** Adds configuration and manifest to the blobs. @returns the index's descriptors, one a tag */
function ociManifest(
  context: ImageContext,
  { record, tags }: SavedImage,
  blobs: Map<Digest, Uint8Array>,
): (Descriptor & { annotations?: Record<string, string>; platform: unknown })[] {
  const { id, bytes, layers, os, architecture, variant } = record.document;
  blobs.set(id, bytes);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: id, size: bytes.length },
      layers: layers.map((diffId) => layerDescriptor(context, diffId)),
    }),
  );
  const digest = digestOf(manifest);
  blobs.set(digest, manifest);
  const platform = { architecture, os, ...(variant === undefined ? {} : { variant }) };
  const descriptor = { mediaType: MANIFEST_TYPE, digest, size: manifest.length, platform };
  if (tags.length === 0) return [descriptor];
  return tags.map((tag) => ({
    ...descriptor,
    annotations: {
      "io.containerd.image.name": fullName(tag),
      "org.opencontainers.image.ref.name": tag.tag!,
    },
  }));
}

/** Docker's own: paths, names, and, for layers, what the paths hold. */
function dockerManifest(context: ImageContext, { record, tags }: SavedImage): unknown {
  const { id, layers } = record.document;
  return {
    Config: blobPath(id),
    RepoTags: tags.length === 0 ? null : tags.map(familiarName),
    Layers: layers.map(blobPath),
    LayerSources: Object.fromEntries(layers.map((diffId) => [diffId, layerDescriptor(context, diffId)])),
  };
}

/** For readers from before 2016: repository → tag → topmost layer. */
function repositoriesOf(images: readonly SavedImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { record, tags } of images) {
    const top = digestHex(record.document.layers.at(-1) ?? record.document.id);
    for (const tag of tags) {
      const repository = familiarRepository(tag);
      repositories[repository] = { ...repositories[repository], [tag.tag!]: top };
    }
  }
  return repositories;
}
