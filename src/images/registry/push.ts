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
import { type Digest, digestHex, digestOf, invalidParameter, notFound, shortId } from "../../lib/index.ts";
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
import { type Form, fetchForm, formHere, makeForm } from "./forms.ts";
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

/** Said before the layers go. */
const COMPRESSED_ANEW =
  "The compressed layers that this image came with are not here any more, nor where they came from: they are compressed anew, and the image gets another digest";

class Push {
  readonly #context: RegistryContext;
  readonly #name: ImageName;
  readonly #target: PushTarget;
  readonly #record: ImageRecord;
  readonly #options: PushOptions;
  readonly #progress = new Map<DiffId, LayerProgress>();
  /** What this push has brought there. */
  readonly #arrived = new Set<Digest>();

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
    let isKnown = false;
    for (const known of this.#context.records.manifestsOf(document.id)) {
      const manifest = parseManifest(known.bytes, known.mediaType);
      if (manifest.kind !== "image" || manifest.layers.length !== document.layers.length) continue;
      isKnown = true;
      const forms = manifest.layers.map((layer, i) => ({ ...layer, diffId: document.layers[i]! }));
      if (await this.#putLayers(forms)) {
        await this.#putConfig(manifest);
        return known;
      }
    }
    if (isKnown) this.#options.report({ status: COMPRESSED_ANEW });
    return undefined;
  }

  async #asNew(): Promise<ManifestBytes> {
    const { document } = this.#record;
    const forms = new Map<DiffId, Form>();
    await this.#each([...new Set(document.layers)], async (diffId, signal) => {
      forms.set(diffId, (await formHere(this.#context, diffId)) ?? (await this.#makeForm(diffId, signal)));
    });
    const layers = document.layers.map((diffId) => forms.get(diffId)!);
    if (!(await this.#putLayers(layers))) throw notFound(`layer does not exist: ${document.layers[0]}`);
    const manifest = newManifest({ digest: document.id, size: document.bytes.length }, layers);
    await this.#putConfig(manifest);
    return manifest;
  }

  async #makeForm(diffId: DiffId, signal: AbortSignal): Promise<Form> {
    const { layers, records, uploads } = this.#context;
    const progress = this.#progress.get(diffId)!;
    if (uploads.areTaken) progress.say("Waiting");
    using _slot = await uploads.take(signal);
    const { tarBytes } = layers.record(diffId);
    const moved = (bytes: number) => progress.move("Pushing", bytes, tarBytes);
    const form = await makeForm(this.#context, diffId, this.#target, moved, signal);
    progress.move("Pushing", form.size, form.size);
    progress.say(arrivalText({ how: "uploaded" }));
    records.addPlace(form.digest, this.#name);
    this.#arrived.add(form.digest);
    return form;
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
    if (this.#arrived.has(digest)) return true;
    const progress = this.#progress.get(diffId)!;
    if (uploads.areTaken) progress.say("Waiting");
    using _slot = await uploads.take(signal);
    const isHere = await layers.hasForm({ digest, diffId, mediaType: form.mediaType, sizeBytes: size });
    const source = isHere ? this.#sourceOf(form) : { digest };
    const { domain, path } = this.#name;
    const elsewhere = records.placesOf(digest, domain).filter((place) => place !== path);
    const moved = (sent: number) => progress.move("Pushing", sent, size);
    let arrival = await this.#target.put(source, elsewhere, moved, signal);
    if (arrival === undefined && (await this.#fetch(form, progress, signal))) {
      arrival = await this.#target.put(this.#sourceOf(form), [], moved, signal);
    }
    if (arrival === undefined) return false;
    progress.say(arrivalText(arrival));
    records.addPlace(digest, { domain, path });
    return true;
  }

  #sourceOf({ digest, size }: Form): BlobSource {
    return { digest, sizeBytes: size, read: (from) => this.#context.layers.readForm(digest, from) };
  }

  /** What was removed for want of space comes from where it is known to be. */
  #fetch(form: Form, progress: LayerProgress, signal: AbortSignal): Promise<boolean> {
    const credentials = { domain: this.#name.domain, of: this.#options.credentials };
    return fetchForm(this.#context, form, {
      credentials,
      signal,
      progress: ({ domain, path }, current) =>
        progress.move(`Fetching from ${domain}/${path}`, current, form.size),
    });
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
