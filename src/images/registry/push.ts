import {
  type BlobArrival,
  type BlobSource,
  type Credentials,
  type Descriptor,
  DOCKER_CONFIG,
  DOCKER_LAYER,
  DOCKER_MANIFEST,
  type ImageManifest,
  type ManifestBytes,
  OCI_CONFIG,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
  type PushTarget,
  parseManifest,
} from "../../distribution/index.ts";
import {
  type Digest,
  detectCompression,
  digestHex,
  digestOf,
  gzip,
  invalidParameter,
  notFound,
  shortId,
} from "../../lib/index.ts";
import type { ImageRecord } from "../catalog.ts";
import { tellRegistryEvent } from "../context.ts";
import {
  familiarName,
  familiarRepository,
  fullName,
  type ImageName,
  parseImageName,
  repositoryOf,
} from "../reference.ts";
import { checkPlatform } from "../resolve.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import type { RegistryContext } from "./context.ts";
import { LayerProgress, type Report } from "./progress.ts";

export interface PushOptions {
  readonly credentials: Credentials | undefined;
  /** `linux/arm64`: refuse an image that is for another one. */
  readonly platform: string | undefined;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/**
 * `docker push` of a tag, or of all tags of a repository. An image that was pulled goes with the manifest and the bytes
 * that it came with, and so keeps its digest.
 * @throws NotFound in Docker's words; RegistryError
 */
export async function pushImage(
  context: RegistryContext,
  name: ImageName,
  options: PushOptions,
): Promise<void> {
  const { catalog } = context;
  if (name.digest !== undefined) throw invalidParameter("cannot push a digest reference");
  const target = await context.registries.pushTarget(name, options.credentials);
  options.report({ status: `The push refers to repository [${repositoryOf(name)}]` });
  const all = catalog.tagsOf(repositoryOf(name));
  const wanted = name.tag === undefined ? all : all.filter((full) => full === fullName(name));
  if (wanted.length === 0) {
    throw notFound(
      all.length > 0
        ? `tag does not exist: ${familiarName(name)}`
        : `An image does not exist locally with the tag: ${familiarRepository(name)}`,
    );
  }
  for (const full of wanted) {
    const id = catalog.imageOf(full);
    const record = id === undefined ? undefined : catalog.get(id);
    if (record === undefined) throw notFound(`tag does not exist: ${familiarName(name)}`);
    const tagged = parseImageName(full);
    checkPlatform(record, familiarName(tagged), options.platform);
    await new Push(context, tagged, target, record, options).run();
  }
}

/** A layer as it goes to the registry. */
interface Form extends Descriptor {
  readonly diffId: DiffId;
}

class Push {
  readonly #context: RegistryContext;
  readonly #name: ImageName;
  readonly #target: PushTarget;
  readonly #record: ImageRecord;
  readonly #options: PushOptions;
  readonly #progress = new Map<DiffId, LayerProgress>();

  constructor(
    context: RegistryContext,
    name: ImageName,
    target: PushTarget,
    record: ImageRecord,
    options: PushOptions,
  ) {
    this.#context = context;
    this.#name = name;
    this.#target = target;
    this.#record = record;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { catalog, records, layers } = this.#context;
    const { report, signal } = this.#options;
    const { document } = this.#record;
    using _held = await layers.holdAll(document.layers);
    for (const diffId of [...new Set(document.layers)].reverse()) {
      const progress = new LayerProgress(report, shortId(digestHex(diffId)));
      this.#progress.set(diffId, progress);
      progress.say("Preparing");
    }
    const manifest = (await this.#asItCame()) ?? (await this.#asNew());
    await this.#target.putManifest(manifest, this.#name.tag!, signal);
    catalog.write(() => {
      records.addManifest(document.id, manifest);
      catalog.setName(`${repositoryOf(this.#name)}@${manifest.digest}`, document.id, true);
    });
    await catalog.durable();
    const { digest, bytes } = manifest;
    tellRegistryEvent(this.#context, "push", familiarName(this.#name), familiarRepository(this.#name));
    report({ status: `${this.#name.tag}: digest: ${digest} size: ${bytes.length}` });
    report({ progressDetail: {}, aux: { Tag: this.#name.tag!, Digest: digest, Size: bytes.length } });
  }

  /** With a manifest that the image once had, if all of its content is here, or there already. */
  async #asItCame(): Promise<ManifestBytes | undefined> {
    const { document } = this.#record;
    for (const known of this.#context.records.manifestsOf(document.id)) {
      const manifest = parseManifest(known.bytes, known.mediaType);
      if (manifest.kind !== "image" || manifest.layers.length !== document.layers.length) continue;
      const forms = manifest.layers.map((layer, i) => ({ ...layer, diffId: document.layers[i]! }));
      if (await this.#putLayers(forms)) {
        await this.#putConfig(manifest);
        return known;
      }
    }
    return undefined;
  }

  async #asNew(): Promise<ManifestBytes> {
    const { document } = this.#record;
    const forms = new Map<DiffId, Form>();
    await this.#each([...new Set(document.layers)], async (diffId, signal) => {
      forms.set(diffId, await this.#form(diffId, signal));
    });
    const layers = document.layers.map((diffId) => forms.get(diffId)!);
    if (!(await this.#putLayers(layers))) throw notFound(`layer does not exist: ${document.layers[0]}`);
    const manifest = newManifest({ digest: document.id, size: document.bytes.length }, layers);
    await this.#putConfig(manifest);
    return manifest;
  }

  /** Brings each layer there once. @returns whether all are there */
  async #putLayers(forms: readonly Form[]): Promise<boolean> {
    let complete = true;
    const distinct = [...new Map(forms.map((form) => [form.digest, form])).values()];
    await this.#each(distinct, async (form, signal) => {
      if (!(await this.#putLayer(form, signal))) complete = false;
    });
    return complete;
  }

  async #putLayer(form: Form, signal: AbortSignal): Promise<boolean> {
    const { layers, records, uploads } = this.#context;
    const { digest, size, diffId } = form;
    const progress = this.#progress.get(diffId)!;
    if (uploads.areTaken) progress.say("Waiting");
    using _slot = await uploads.take(signal);
    const isHere = await layers.hasForm({ digest, diffId, mediaType: form.mediaType, sizeBytes: size });
    const source: BlobSource | Pick<BlobSource, "digest"> = isHere
      ? { digest, sizeBytes: size, read: (from) => layers.readForm(digest, from) }
      : { digest };
    const { domain, path } = this.#name;
    const elsewhere = records.placesOf(digest, domain).filter((place) => place !== path);
    const moved = (sent: number) => progress.move("Pushing", sent, size);
    const arrival = await this.#target.put(source, elsewhere, moved, signal);
    if (arrival === undefined) return false;
    progress.say(arrivalText(arrival));
    records.addPlace(digest, { domain, path });
    return true;
  }

  async #putConfig({ config }: Pick<ImageManifest, "config">): Promise<void> {
    const { bytes } = this.#record.document;
    const source: BlobSource = {
      digest: config.digest,
      sizeBytes: bytes.length,
      read: async function* (from) {
        yield bytes.subarray(from);
      },
    };
    await this.#target.put(source, [], () => {}, this.#options.signal);
  }

  /** A form of a layer that every registry takes: one that is here, or one that is made now, and kept. */
  async #form(diffId: DiffId, signal: AbortSignal): Promise<Form> {
    const { layers, uploads } = this.#context;
    for (const known of layers.formsOf(diffId)) {
      if (!(await layers.hasForm(known))) continue;
      const mediaType = await this.#neutralType(known.digest);
      if (mediaType !== undefined) return { diffId, digest: known.digest, size: known.sizeBytes, mediaType };
    }
    using _slot = await uploads.take(signal);
    await using writer = await layers.formWriter();
    for await (const bytes of gzip(layers.read(diffId))) {
      signal.throwIfAborted();
      const written = writer.write(bytes);
      if (written !== undefined) await written;
    }
    const { digest, sizeBytes } = await writer.finish();
    const mediaType = DOCKER_LAYER;
    const came = {
      digest,
      sizeBytes,
      mediaType,
      sync: () => writer.sync(),
      commit: () => writer.commit(digest),
    };
    await came.sync();
    await layers.addForm(diffId, came);
    return { diffId, digest, size: sizeBytes, mediaType };
  }

  /** What its bytes are, whatever they were called; undefined for what registries should not get. */
  async #neutralType(digest: Digest): Promise<string | undefined> {
    for await (const head of this.#context.layers.readForm(digest, 0)) {
      const compression = detectCompression(head);
      if (compression === "gzip") return DOCKER_LAYER;
      return compression === "zstd" ? "application/vnd.oci.image.layer.v1.tar+zstd" : undefined;
    }
    return undefined;
  }

  /** Side by side; the first failure ends the others. */
  async #each<T>(items: readonly T[], work: (item: T, signal: AbortSignal) => Promise<void>): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, failed.signal]);
    await Promise.allSettled(
      items.map((item) => work(item, signal).catch((error: unknown) => failed.abort(error))),
    );
    signal.throwIfAborted();
  }
}

function arrivalText(arrival: BlobArrival): string {
  if (arrival.how === "exists") return "Layer already exists";
  return arrival.how === "mounted" ? `Mounted from ${arrival.from}` : "Pushed";
}

/** Schema 2, which all registries and clients know; OCI's form where a layer is one that only that has. */
function newManifest(config: Omit<Descriptor, "mediaType">, layers: readonly Form[]): ImageManifest {
  const isOci = layers.some(({ mediaType }) => mediaType !== DOCKER_LAYER);
  const mediaType = isOci ? OCI_MANIFEST : DOCKER_MANIFEST;
  const typeOf = (type: string) => (isOci && type === DOCKER_LAYER ? OCI_LAYER_GZIP : type);
  const json = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: isOci ? OCI_CONFIG : DOCKER_CONFIG, size: config.size, digest: config.digest },
    layers: layers.map(({ mediaType: type, size, digest }) => ({ mediaType: typeOf(type), size, digest })),
  };
  // Three spaces, as Docker's client has always written it.
  const bytes = Buffer.from(JSON.stringify(json, null, 3));
  return {
    kind: "image",
    mediaType,
    digest: digestOf(bytes),
    bytes,
    config: json.config,
    layers: json.layers.map((layer) => ({ ...layer, urls: [] })),
  };
}
