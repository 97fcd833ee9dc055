import { type Digest, faultPoint, invalidParameter, notFound } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { type ImageDocument, parseImageDocument } from "../config.ts";
import { type ImageContext, tellImageEvent } from "../context.ts";
import { familiarName, type ImageName, parseImageName, withDefaultTag } from "../reference.ts";
import { parsePlatform } from "../resolve.ts";
import { pointTag } from "../tag.ts";
import { ArchiveContent, type LayerProgress } from "./archive-content.ts";
import { type ArchivedImage, readImages } from "./manifests.ts";

export interface LoadOptions {
  /** No progress. */
  readonly quiet?: boolean | undefined;
  readonly platform?: string | undefined;
}

/** Progress is told so often at most. */
const PROGRESS_EVERY_MS = 100;

interface Verified {
  readonly document: ImageDocument;
  readonly names: readonly ImageName[];
}

/**
 * `docker load`: the images of an archive that `docker save` or an OCI tool wrote, compressed or not. All of them are
 * verified before any is taken, and all are taken at once.
 * @throws InvalidParameter for malformed, altered or hostile archives; nothing stays then
 */
export async function loadImages(
  context: ImageContext,
  source: AsyncIterable<Uint8Array>,
  options: LoadOptions,
  report: (message: JsonMessage) => void,
): Promise<void> {
  const platform = options.platform ? parsePlatform(options.platform) : undefined;
  const progress = options.quiet === true ? () => {} : layerProgress(report);
  await using content = await ArchiveContent.read(source, context.layers, progress);
  const images: Verified[] = [];
  for (const image of readImages(content, platform ?? context.platform)) images.push(await verify(image));
  if (images.length === 0) throw invalidParameter("invalid archive: it has no image for this platform");
  if (platform !== undefined)
    for (const { document } of images) checkPlatform(document, platform, options.platform!);
  const messages = context.catalog.write(() => images.flatMap((image) => add(context, image)));
  faultPoint("image-recorded");
  await context.catalog.durable();
  for (const { document } of images) tellImageEvent(context, "load", document.id, document.id);
  for (const stream of messages) report({ stream });
}

/** Docker's texts. */
async function verify(image: ArchivedImage): Promise<Verified> {
  const document = parseImageDocument(image.config);
  const layers = await image.layers();
  if (layers.length !== document.layers.length) {
    throw invalidParameter(
      `invalid manifest, layers length mismatch: expected ${layers.length}, got ${document.layers.length}`,
    );
  }
  for (const [i, { diffId }] of layers.entries()) {
    const expected = document.layers[i]!;
    if (diffId !== expected) {
      throw invalidParameter(`invalid diffID for layer ${i}: expected "${expected}", got "${diffId}"`);
    }
  }
  return { document, names: image.names.map((name) => requireTag(name)) };
}

function requireTag(text: string): ImageName {
  const name = withDefaultTag(parseImageName(text));
  if (name.tag === undefined) throw invalidParameter(`invalid tag "${text}"`);
  return { ...name, digest: undefined };
}

function checkPlatform(
  { os, architecture, variant }: ImageDocument,
  wanted: ReturnType<typeof parsePlatform>,
  text: string,
): void {
  const matches =
    os === wanted.os &&
    (wanted.architecture ?? architecture) === architecture &&
    (wanted.variant === undefined || variant === undefined || wanted.variant === variant);
  if (!matches)
    throw notFound(`requested platform (${text}) not found: the image is for ${os}/${architecture}`);
}

/** @returns what to tell the user */
function add(context: ImageContext, { document, names }: Verified): string[] {
  context.catalog.add(document);
  if (names.length === 0) return [`Loaded image ID: ${document.id}\n`];
  return names.flatMap((name) => {
    const before: Digest | undefined = pointTag(context, name, document.id, { kind: "load" });
    const loaded = `Loaded image: ${familiarName(name)}\n`;
    if (before === undefined) return [loaded];
    return [
      `The image ${familiarName(name)} already exists, renaming the old one with ID ${before} to empty string\n`,
      loaded,
    ];
  });
}

function layerProgress(report: (message: JsonMessage) => void): LayerProgress {
  let last = 0;
  return (id, current, total) => {
    const now = performance.now();
    if (current < total && now - last < PROGRESS_EVERY_MS) return;
    last = now;
    report({ status: "Loading layer", id, progressDetail: { current, total } });
  };
}
