import { createReadStream, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { encodeHeader, invalidParameter, isDigest, padding, TAR_END } from "../../lib/index.ts";
import type { Engine } from "../engine.ts";

/** An image of an OCI layout: a folder of this machine, and which of the images in it. */
export interface LayoutImage {
  readonly path: string;
  /** Empty: `latest`, or the only one. */
  readonly tag: string;
  /** Empty: by the tag. */
  readonly digest: string;
}

interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const PREFIX = "oci-layout://";
const REF_NAME = "org.opencontainers.image.ref.name";
const DOCUMENT_BYTES_MAX = 16 << 20;
const DEPTH_MAX = 4;

export const isLayout = (address: string) => address.startsWith(PREFIX);

/** `oci-layout://path`, with `:tag` or `@digest`, or both. */
export function parseLayout(address: string): LayoutImage {
  const [, place = "", digest = ""] = /^(.*?)(?:@(sha256:[0-9a-f]{64}))?$/s.exec(
    address.slice(PREFIX.length),
  )!;
  const [, path = "", tag = ""] = /^(.*?)(?::([\w][\w.-]{0,127}))?$/s.exec(place)!;
  return { path, tag, digest };
}

/**
 * Brings an image of a layout to the engine, where it has no name.
 * @returns its id
 * @throws in the words of BuildKit's client where the layout or the image is not there
 */
export async function loadLayout(engine: Engine, image: LayoutImage, signal?: AbortSignal): Promise<string> {
  const layout = new Layout(image.path);
  const chosen = layout.find(image);
  let id = "";
  for await (const { stream } of await engine.images.load(
    layout.tarOf(chosen),
    { quiet: true },
    { signal },
  )) {
    id = /^Loaded image ID: (sha256:[0-9a-f]{64})/.exec(stream ?? "")?.[1] ?? id;
  }
  if (id === "") throw new Error(`the engine did not take the image of ${image.path}`);
  return id;
}

class Layout {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    if (statSync(join(path, "index.json"), { throwIfNoEntry: false })?.isFile() !== true)
      throw new Error(`${path} is no OCI layout: it has no index.json`);
  }

  find({ path, tag, digest }: LayoutImage): Descriptor {
    const { manifests = [] } = this.#document("index.json") as { manifests?: readonly Descriptor[] };
    const named = (name: string) =>
      manifests.find(({ annotations = {} }) => {
        const own = annotations[REF_NAME] ?? "";
        return own === name || own.endsWith(`:${name}`);
      });
    // What a digest names need not be in the index itself.
    if (digest !== "") return manifests.find((each) => each.digest === digest) ?? { digest };
    const found = named(tag || "latest") ?? (tag === "" && manifests.length === 1 ? manifests[0] : undefined);
    if (found !== undefined) return found;
    throw new Error(
      tag === ""
        ? `${path} has ${manifests.length} images and none is named latest: add :tag or @digest`
        : `could not find image ${JSON.stringify(tag)} in the OCI layout ${path}`,
    );
  }

  /** A layout with this image alone. What is not here, of other platforms perhaps, is left out. */
  async *tarOf(chosen: Descriptor): AsyncGenerator<Uint8Array, void> {
    const { annotations: _, ...rest } = chosen;
    const size = statSync(this.#blob(chosen.digest), { throwIfNoEntry: false })?.size;
    if (size === undefined) throw new Error(`${chosen.digest} is not in the OCI layout ${this.#path}`);
    const mediaType = rest.mediaType ?? this.#mediaTypeOf(chosen);
    const encoder = new TextEncoder();
    yield* small("oci-layout", encoder.encode('{"imageLayoutVersion":"1.0.0"}'));
    const index = { schemaVersion: 2, manifests: [{ ...rest, mediaType, size }] };
    yield* small("index.json", encoder.encode(JSON.stringify(index)));
    for (const digest of this.#reachable(chosen.digest)) {
      const path = this.#blob(digest);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      yield encodeHeader({ name: nameOf(digest), kind: "file", mode: 0o644, size: stat.size });
      yield* createReadStream(path) as AsyncIterable<Uint8Array>;
      yield padding(stat.size);
    }
    yield TAR_END;
  }

  #mediaTypeOf({ digest }: Descriptor): string {
    const document = this.#document(nameOf(digest)) as { mediaType?: string; manifests?: unknown };
    const kind = document.manifests === undefined ? "manifest" : "index";
    return document.mediaType ?? `application/vnd.oci.image.${kind}.v1+json`;
  }

  /** Of documents before what they name. */
  #reachable(digest: string, depth = 0, found = new Set<string>()): Set<string> {
    if (found.has(digest) || depth > DEPTH_MAX) return found;
    found.add(digest);
    if (statSync(this.#blob(digest), { throwIfNoEntry: false }) === undefined) return found;
    const {
      config,
      layers = [],
      manifests = [],
    } = this.#document(nameOf(digest)) as {
      config?: Descriptor;
      layers?: readonly Descriptor[];
      manifests?: readonly Descriptor[];
    };
    for (const child of manifests) this.#reachable(child.digest, depth + 1, found);
    for (const each of config === undefined ? layers : [config, ...layers]) found.add(each.digest);
    return found;
  }

  #blob(digest: string): string {
    if (!isDigest(digest))
      throw invalidParameter(`invalid digest in the OCI layout ${this.#path}: ${digest}`);
    return join(this.#path, nameOf(digest));
  }

  #document(name: string): unknown {
    const path = join(this.#path, name);
    const { size } = statSync(path);
    if (size > DOCUMENT_BYTES_MAX) throw new Error(`${path} is too large`);
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      throw new Error(`${path} is damaged`, { cause: error });
    }
  }
}

const nameOf = (digest: string) => `blobs/${digest.replace(":", "/")}`;

function* small(name: string, content: Uint8Array): Generator<Uint8Array, void> {
  yield encodeHeader({ name, kind: "file", mode: 0o644, size: content.length });
  yield content;
  yield padding(content.length);
}
