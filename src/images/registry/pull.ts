import {
  type Credentials,
  choosePlatform,
  type ImageManifest,
  type LayerDescriptor,
  type Manifest,
  noMatchText,
  type Platform,
  platformsThatRunOn,
  platformText,
  type RemoteRepository,
  rankOn,
  requireImage,
} from "../../distribution/index.ts";
import { type Digest, faultPoint, invalidParameter, notFound, shortId } from "../../lib/index.ts";
import { CONFIG_BYTES_MAX, type ImageDocument, parseImageDocument } from "../config.ts";
import { tellRegistryEvent } from "../context.ts";
import type { HeldLayer } from "../layers.ts";
import { familiarName, familiarRepository, fullName, type ImageName, repositoryOf } from "../reference.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import { pointTag } from "../tag.ts";
import type { Move } from "../versions/moves.ts";
import { recordMove } from "../versions/record.ts";
import type { RegistryContext } from "./context.ts";
import { pullFailure } from "./failures.ts";
import { layerFailure } from "./layer-downloads.ts";
import { LayerProgress, type Report } from "./progress.ts";

export interface PullOptions {
  readonly credentials: Credentials | undefined;
  /** What was asked for; where nothing was, what this engine runs on. */
  readonly platform: Platform | undefined;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Indexes in indexes. */
const INDEX_DEPTH_MAX = 4;

/**
 * `docker pull` of one tag or digest: the image is here whole and verified, and its name points at it, or nothing has
 * changed. What it shares with images that are here is not brought again.
 * @throws NotFound, Forbidden and others with Docker's words
 */
export async function pullImage(
  context: RegistryContext,
  name: ImageName,
  options: PullOptions,
): Promise<void> {
  const remote = await context.registries.repository(name, options.credentials);
  try {
    await new Pull(context, name, remote, options).run();
  } catch (error) {
    throw pullFailure(error, name);
  }
}

/** `docker pull --all-tags`. */
export async function pullAllTags(
  context: RegistryContext,
  name: ImageName,
  options: PullOptions,
): Promise<void> {
  const remote = await context.registries.repository(name, options.credentials);
  let tags: string[];
  try {
    tags = await remote.tags(options.signal);
  } catch (error) {
    throw pullFailure(error, name);
  }
  if (tags.length === 0) throw notFound(`no tags found for ${familiarRepository(name)}`);
  for (const tag of tags) await pullImage(context, { ...name, tag }, options);
}

interface Part {
  readonly descriptor: LayerDescriptor;
  readonly diffId: DiffId;
}

class Pull {
  readonly #context: RegistryContext;
  readonly #name: ImageName;
  readonly #remote: RemoteRepository;
  readonly #options: PullOptions;

  constructor(context: RegistryContext, name: ImageName, remote: RemoteRepository, options: PullOptions) {
    this.#context = context;
    this.#name = name;
    this.#remote = remote;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { report, signal } = this.#options;
    const { tag, digest, path } = this.#name;
    const known = await this.#upToDate();
    if (known !== undefined) {
      report({ status: `Pulling from ${path}`, id: tag! });
      this.#tellStatus(known, false);
      return;
    }
    const top = await this.#remote.manifest(digest ?? tag!, signal);
    report({ status: `Pulling from ${path}`, id: digest ?? tag! });
    const manifest = await this.#imageOf(top);
    const document = await this.#configuration(manifest);
    using stack = new DisposableStack();
    for (const held of await this.#layers(manifest, document)) stack.use(held);
    const isNew = this.#record(top.digest, manifest, document);
    faultPoint("image-recorded");
    await this.#context.catalog.durable();
    tellRegistryEvent(this.#context, "pull", familiarName(this.#name), familiarRepository(this.#name));
    this.#tellStatus(top.digest, isNew);
  }

  /**
   * Where a tag is here already, the registry is only asked for its digest, which counts against nobody's limit.
   * @returns it, if the tag points here at what it points at there
   */
  async #upToDate(): Promise<Digest | undefined> {
    const { catalog } = this.#context;
    if (this.#name.digest !== undefined || this.#name.tag === undefined) return undefined;
    const id = catalog.imageOf(fullName(this.#name));
    const record = id === undefined ? undefined : catalog.get(id);
    if (record === undefined || rankOn(platformsThatRunOn(this.#platform), record.document) !== 0)
      return undefined;
    const digest = await this.#remote.digestOf(this.#name.tag, this.#options.signal).catch(() => undefined);
    this.#options.signal.throwIfAborted();
    if (digest === undefined) return undefined;
    return catalog.imageOf(`${repositoryOf(this.#name)}@${digest}`) === id ? digest : undefined;
  }

  get #platform(): Platform {
    return this.#options.platform ?? this.#context.platform;
  }

  /** From an index to the image for the platform. @throws NotFound `no matching manifest for …` */
  async #imageOf(top: Manifest): Promise<ImageManifest> {
    let manifest = top;
    for (let depth = 0; manifest.kind === "index"; depth++) {
      if (depth >= INDEX_DEPTH_MAX)
        throw invalidParameter("invalid manifest: too many indexes in each other");
      const chosen = choosePlatform(manifest, this.#platform);
      if (chosen === undefined) throw notFound(noMatchText(this.#platform));
      manifest = await this.#remote.manifest(chosen.digest, this.#options.signal);
    }
    requireImage(manifest);
    return manifest;
  }

  async #configuration({ config, layers }: ImageManifest): Promise<ImageDocument> {
    const bytes = await this.#remote.bytes(config, CONFIG_BYTES_MAX, this.#options.signal);
    const document = parseImageDocument(bytes);
    if (document.layers.length !== layers.length) {
      throw invalidParameter(
        `invalid manifest, layers length mismatch: expected ${layers.length}, got ${document.layers.length}`,
      );
    }
    const { os } = this.#context.platform;
    if (document.os !== os) {
      throw invalidParameter(
        `image operating system ${JSON.stringify(document.os)} cannot be used on this platform`,
      );
    }
    return document;
  }

  /** All layers, here and held. One that fails ends the others. */
  async #layers(manifest: ImageManifest, document: ImageDocument): Promise<HeldLayer[]> {
    const parts = new Map<string, Part>();
    for (const [i, descriptor] of manifest.layers.entries()) {
      const diffId = document.layers[i]!;
      parts.set(`${descriptor.digest} ${diffId}`, { descriptor, diffId });
    }
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, failed.signal]);
    const results = await Promise.allSettled(
      [...parts.values()].map((part) =>
        this.#layer(part, signal).catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      ),
    );
    const held = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (held.length === results.length) return held;
    for (const one of held) one[Symbol.dispose]();
    await this.#context.layers.collect({ keepDownloads: true });
    this.#options.signal.throwIfAborted();
    throw layerFailure(failed.signal.reason);
  }

  async #layer({ descriptor, diffId }: Part, signal: AbortSignal): Promise<HeldLayer> {
    const { layers, downloads } = this.#context;
    const progress = new LayerProgress(
      this.#options.report,
      shortId(descriptor.digest.slice("sha256:".length)),
    );
    const here = await layers.find(diffId);
    if (here !== undefined) {
      progress.say("Already exists");
      return here;
    }
    progress.say("Pulling fs layer");
    return await downloads.get(this.#remote, descriptor, diffId, progress, signal);
  }

  /** The image and its names, in one step. @returns whether the tag did not point at it before */
  #record(top: Digest, manifest: ImageManifest, document: ImageDocument): boolean {
    const { catalog, records, versions } = this.#context;
    const { id } = document;
    return catalog.write(() => {
      const isNew = catalog.add(document);
      records.addManifest(id, manifest);
      for (const { digest } of manifest.layers) records.addPlace(digest, this.#name);
      const byDigest = `${repositoryOf(this.#name)}@${top}`;
      const wasNamed = catalog.imageOf(byDigest) === id;
      catalog.setName(byDigest, id, true);
      const how: Move = { kind: "pull", registry: this.#name.domain, digest: top };
      // Not only beside a tag: who asked for the digest means to keep it.
      if (this.#name.digest !== undefined && versions.records.last(byDigest) === undefined)
        recordMove(this.#context, byDigest, { before: undefined, after: id, how });
      if (this.#name.digest !== undefined || this.#name.tag === undefined) return isNew || !wasNamed;
      if (catalog.imageOf(fullName(this.#name)) === id) return false;
      pointTag(this.#context, this.#name, id, how);
      return true;
    });
  }

  #tellStatus(digest: Digest, isNew: boolean): void {
    const { report, platform } = this.#options;
    const reference = familiarName(this.#name);
    report({ status: `Digest: ${digest}` });
    report({
      status: `Status: ${isNew ? "Downloaded newer image" : "Image is up to date"} for ${reference}`,
    });
    const id = this.#context.catalog.imageOf(`${repositoryOf(this.#name)}@${digest}`);
    const document = id === undefined ? undefined : this.#context.catalog.get(id)?.document;
    if (platform === undefined || document === undefined) return;
    if (rankOn(platformsThatRunOn(platform), document) !== undefined) return;
    report({
      status: `WARNING: image with reference ${reference} was found but its platform (${platformText(document)}) does not match the specified platform (${platformText(platform)})`,
    });
  }
}
