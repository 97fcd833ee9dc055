import { platformsThatRunOn, rankOn } from "../distribution/index.ts";
import { type Digest, faultPoint, kindOf, notFound } from "../lib/index.ts";
import type { ImageConfig, JsonMessage } from "../wire/index.ts";
import { saveDocument, saveImages } from "./archive/save.ts";
import { BuildLayers } from "./build-layers.ts";
import type { ImageRecord } from "./catalog.ts";
import { buildCacheOf, type HistoryEntry, newImageDocument } from "./config.ts";
import type { ImageContext } from "./context.ts";
import {
  familiarName,
  fullName,
  type ImageName,
  noSuchImageText,
  parseImageName,
  parseImageReference,
  repositoryOf,
  withDefaultTag,
} from "./reference.ts";
import type { RegistryOperations } from "./registry/operations.ts";
import { resolveImage } from "./resolve.ts";
import type { DiffId, Snapshotter } from "./snapshots/snapshotter.ts";
import { pointTag } from "./tag.ts";
import type { BuildFacts } from "./versions/moves.ts";

/** In Go's words; what is not said is empty. */
export interface BuildPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
  readonly osVersion: string;
}

/** An image that a build works with; its layers stay until it is disposed of. */
export interface ImageForBuild extends Disposable {
  readonly id: Digest;
  /** What a registry has it under; undefined for one that never was in a registry. */
  readonly manifestDigest: Digest | undefined;
  readonly config: ImageConfig;
  readonly platform: BuildPlatform;
  readonly author: string;
  readonly created: string | undefined;
  readonly layers: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
  /** By whomever it was written. */
  readonly inlineCache: unknown;
}

/** The API's `X-Registry-Auth` for a registry. */
type CredentialsSource = (registry: string) => Promise<string | undefined>;
type ReportBytes = (part: string, currentBytes: number, totalBytes: number | undefined) => void;

export interface FindForBuild {
  readonly platform: BuildPlatform;
  /** Asks the registry even where the image is here. */
  readonly pull: boolean;
  readonly credentials: CredentialsSource;
  readonly report: ReportBytes;
  readonly signal: AbortSignal;
}

export interface BuiltImage {
  readonly created: string | undefined;
  readonly author: string;
  readonly platform: BuildPlatform;
  readonly config: ImageConfig;
  /** The caller holds them. */
  readonly layers: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
  readonly names: readonly string[];
  readonly parent: Digest | undefined;
  readonly inlineCache: unknown;
  /** Asked when the id is known, before the image is. */
  readonly how: (id: Digest) => BuildFacts;
}

/** So many digits of an id are no name by chance. */
const SHORT_ID = /^[0-9a-f]{12,64}$/;

/** The images of this engine as builds take and leave them. */
export class BuildImages {
  readonly #context: ImageContext;
  readonly #registry: RegistryOperations;
  /** What the images are made of. */
  readonly layers: BuildLayers;

  constructor(context: ImageContext, registry: RegistryOperations, snapshotter: Snapshotter) {
    this.#context = context;
    this.#registry = registry;
    this.layers = new BuildLayers(context.catalog, context.layers, snapshotter);
  }

  /** `busybox` → `docker.io/library/busybox:latest`; an image's id, also a short one, stays what it is. @throws InvalidParameter */
  fullName(text: string): string {
    const reference = parseImageReference(text);
    if (reference.kind === "id") return reference.id;
    const name = withDefaultTag(reference.name);
    const isShortId = SHORT_ID.test(text) && this.#context.catalog.imageOf(fullName(name)) === undefined;
    if (!isShortId) return fullName(name);
    const [id, ...others] = this.#context.catalog.startingWith(text);
    return id === undefined || others.length > 0 ? fullName(name) : id;
  }

  /** Here, or brought from its registry. @throws NotFound and what a pull throws */
  async find(text: string, options: FindForBuild): Promise<ImageForBuild> {
    const reference = parseImageReference(text);
    if (reference.kind === "id") {
      const record = this.#context.catalog.get(reference.id);
      if (record === undefined) throw notFound(noSuchImageText(reference));
      return await this.#held(record, undefined);
    }
    const { name } = reference;
    const here = options.pull ? undefined : this.#here(text);
    if (here !== undefined && runsOn(here, options.platform)) return await this.#held(here, name);
    await this.#pull(text, name, options);
    const pulled = this.#here(text);
    if (pulled === undefined) throw notFound(noSuchImageText(reference));
    return await this.#held(pulled, name);
  }

  #here(text: string): ImageRecord | undefined {
    try {
      return resolveImage(this.#context, text).record;
    } catch (error) {
      if (kindOf(error) === "NotFound") return undefined;
      throw error;
    }
  }

  async #pull(text: string, name: ImageName, options: FindForBuild): Promise<void> {
    const { os, architecture, variant } = options.platform;
    const platform = [os, architecture, variant].filter((part) => part !== "").join("/");
    const auth = await options.credentials(name.domain);
    const tell = byteReport(options.report);
    await this.#registry.pull({ name: text, platform }, auth, tell, options.signal);
  }

  async #held(record: ImageRecord, name: ImageName | undefined): Promise<ImageForBuild> {
    const { document } = record;
    const held = await this.layers.hold(document.layers);
    return {
      id: document.id,
      manifestDigest: this.#manifestOf(document.id, name),
      config: document.config,
      platform: {
        os: document.os,
        architecture: document.architecture,
        variant: document.variant ?? "",
        osVersion: document.osVersion ?? "",
      },
      author: document.author ?? "",
      created: document.created,
      layers: document.layers,
      history: document.history,
      inlineCache: buildCacheOf(document),
      [Symbol.dispose]: () => held[Symbol.dispose](),
    };
  }

  /** By the repository that was asked, else by any that has it. */
  #manifestOf(id: Digest, name: ImageName | undefined): Digest | undefined {
    if (name?.digest !== undefined) return name.digest;
    const names = this.#context.catalog
      .namesOf(id)
      .filter(({ isDigest }) => isDigest)
      .map((one) => parseImageName(one.name));
    const own = names.find((one) => name !== undefined && repositoryOf(one) === repositoryOf(name));
    return (own ?? names[0])?.digest;
  }

  /** The image with its names, whole and durable, or nothing of it. @returns its id @throws InvalidParameter for names that are none */
  async record(image: BuiltImage): Promise<Digest> {
    const { catalog, layers } = this.#context;
    const { parent } = image;
    const { document, tags } = this.#documentOf(image);
    using held = await this.layers.hold(document.layers);
    await layers.settle(held.layers);
    const knownParent = parent === undefined || parent === document.id ? undefined : catalog.get(parent);
    const isNew = catalog.write(() => {
      const facts = image.how(document.id);
      const isAdded = catalog.add(document, knownParent?.document.id);
      const isNamed = tags.every((tag) => catalog.imageOf(fullName(tag)) === document.id);
      for (const tag of tags) pointTag(this.#context, tag, document.id, { kind: "build", ...facts });
      return isAdded || !isNamed;
    });
    faultPoint("image-recorded");
    if (isNew || !catalog.isSettled) await catalog.durable();
    return document.id;
  }

  #documentOf({ platform, names, parent: _parent, inlineCache, ...rest }: Omit<BuiltImage, "how">) {
    const tags = names.map((text) => withDefaultTag(parseImageName(text)));
    const document = newImageDocument({
      ...rest,
      os: platform.os,
      architecture: platform.architecture,
      variant: platform.variant,
      osVersion: platform.osVersion,
      buildCache: inlineCache,
    });
    return { document, tags };
  }

  /** The image as an archive for elsewhere, without being recorded here. The caller holds its layers until the archive's end. */
  archive(image: Omit<BuiltImage, "how">): {
    readonly id: Digest;
    readonly bytes: AsyncIterable<Uint8Array>;
  } {
    const { document, tags } = this.#documentOf(image);
    return { id: document.id, bytes: saveDocument(this.#context, document, tags) };
  }

  /** `docker save`. @throws NotFound at once */
  save(names: readonly string[]): AsyncIterable<Uint8Array> {
    return saveImages(this.#context, names, undefined);
  }

  /** `docker push` of one name. @throws as it does */
  async push(
    text: string,
    credentials: CredentialsSource,
    report: ReportBytes,
    signal: AbortSignal,
  ): Promise<void> {
    const name = withDefaultTag(parseImageName(text));
    const auth = await credentials(name.domain);
    await this.#registry.push({ name: familiarName(name) }, auth, byteReport(report), signal);
  }
}

/** One whose configuration does not say what it is for runs here. */
function runsOn({ document }: ImageRecord, platform: BuildPlatform): boolean {
  if (document.architecture === "") return true;
  const { os, architecture, variant } = platform;
  return (
    rankOn(platformsThatRunOn({ os, architecture, ...(variant === "" ? {} : { variant }) }), document) !==
    undefined
  );
}

/** What a transfer says in Docker's words, as bytes of its parts. */
function byteReport(report: ReportBytes): (message: JsonMessage) => void {
  const totals = new Map<string, number>();
  return ({ id, status, progressDetail }) => {
    if (id === undefined || progressDetail === undefined) return;
    const { current, total } = progressDetail as { current?: number; total?: number };
    if ((status === "Downloading" || status === "Pushing") && current !== undefined) {
      if (total !== undefined) totals.set(id, total);
      report(id, current, total);
      return;
    }
    const whole = totals.get(id);
    if (whole === undefined || !(status === "Download complete" || status === "Pushed")) return;
    totals.delete(id);
    report(id, whole, whole);
  };
}
