import {
  type Digest,
  decompress,
  detectCompression,
  invalidParameter,
  isTarHeader,
  readTar,
  shortId,
  type TarMember,
} from "../../lib/index.ts";
import type { HeldLayer, Layers } from "../layers.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import { cleanPath, promisedDigest, verifyBytes } from "./archive-paths.ts";

/** A layer as an archive has it. */
export interface ArchiveLayer {
  readonly diffId: DiffId;
  /** Of the bytes as they are in the archive, compressed or not; undefined where they were not looked at. */
  readonly stored: { readonly digest: Digest; readonly sizeBytes: number } | undefined;
}

/** Told while layers are read. `total` is the layer's length in the archive. */
export type LayerProgress = (id: string, current: number, total: number) => void;

/** Everything else in an archive is JSON. */
const JSON_BYTES_MAX = 8 << 20;
const ALL_JSON_BYTES_MAX = 64 << 20;
const MEMBERS_MAX = 100_000;
const LINKS_FOLLOWED_MAX = 16;
/** Layers that are being made durable while the next ones are read. */
const KEEPING_MAX = 4;

/**
 * What is in an archive of images, read in one pass, whatever the order of its members: layers go to the store as they
 * come (they are kept only if an image has them in the end), small files are held in memory. Nothing of it is
 * believed yet: digests are checked where something is asked for. Dispose of it.
 */
export class ArchiveContent implements AsyncDisposable {
  readonly #layers: Layers;
  readonly #progress: LayerProgress;
  readonly #files = new Map<string, Uint8Array>();
  readonly #links = new Map<string, string>();
  readonly #found = new Map<string, Promise<ArchiveLayer>>();
  readonly #keeping = new Set<Promise<unknown>>();
  readonly #held: HeldLayer[] = [];
  #jsonBytes = 0;
  #members = 0;

  private constructor(layers: Layers, progress: LayerProgress) {
    this.#layers = layers;
    this.#progress = progress;
  }

  /** @throws InvalidParameter for what is no archive, or breaks the bounds */
  static async read(
    source: AsyncIterable<Uint8Array>,
    layers: Layers,
    progress: LayerProgress,
  ): Promise<ArchiveContent> {
    const content = new ArchiveContent(layers, progress);
    try {
      for await (const member of readTar(decompress(source))) await content.#take(member);
      await Promise.all(content.#keeping);
      return content;
    } catch (error) {
      await content[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #take(member: TarMember): Promise<void> {
    const { entry } = member;
    if (++this.#members > MEMBERS_MAX) throw invalidParameter("invalid archive: it has too many members");
    const path = cleanPath(entry.name);
    if (entry.kind === "symlink") {
      const directory = path.slice(0, path.lastIndexOf("/") + 1);
      this.#links.set(path, entry.linkName.startsWith("/") ? entry.linkName : directory + entry.linkName);
    } else if (entry.kind === "hardlink") this.#links.set(path, entry.linkName);
    else if (entry.kind === "file") await this.#takeFile(path, member);
  }

  async #takeFile(path: string, { entry, body }: TarMember): Promise<void> {
    const known = await this.#known(path);
    if (known !== undefined) {
      this.#found.set(path, Promise.resolve(known));
      this.#progress(idOf(path), entry.size, entry.size);
      return;
    }
    const chunks = body[Symbol.asyncIterator]();
    const head = await readHead(chunks);
    const whole = continued(head, chunks);
    const isCompressed = detectCompression(head) !== "none";
    if (isCompressed || isTarHeader(head.subarray(0, 512)))
      await this.#takeLayer(path, entry.size, whole, isCompressed);
    else if (entry.size <= JSON_BYTES_MAX) await this.#takeJson(path, entry.size, whole);
  }

  /** A layer that is here already, by the digest that its path promises, need not be read: ours is that content. */
  async #known(path: string): Promise<ArchiveLayer | undefined> {
    const digest = promisedDigest(path);
    const held = digest === undefined ? undefined : await this.#layers.find(digest);
    if (held === undefined) return undefined;
    this.#held.push(held);
    return { diffId: held.diffId, stored: undefined };
  }

  async #takeJson(path: string, size: number, body: AsyncIterable<Uint8Array>): Promise<void> {
    this.#jsonBytes += size;
    if (this.#jsonBytes > ALL_JSON_BYTES_MAX)
      throw invalidParameter("invalid archive: too much that is no layer");
    this.#files.set(path, Buffer.concat(await Array.fromAsync(body)));
  }

  /** What is wrong with a layer matters only if an image has it: archives may hold other compressed content. */
  async #takeLayer(
    path: string,
    size: number,
    body: AsyncIterable<Uint8Array>,
    isCompressed: boolean,
  ): Promise<void> {
    // One that is not compressed is hashed as it is kept.
    const hasher = isCompressed ? new Bun.CryptoHasher("sha256") : undefined;
    let current = 0;
    let cut = false;
    const counted = async function* (progress: LayerProgress) {
      for await (const bytes of body) {
        hasher?.update(bytes);
        current += bytes.length;
        progress(idOf(path), current, size);
        yield bytes;
      }
      cut = current < size;
    };
    try {
      const received = await this.#layers.receive(counted(this.#progress), {
        toKeep: true,
        compressed: true,
      });
      const digest = hasher === undefined ? received.diffId : (`sha256:${hasher.digest("hex")}` as Digest);
      const stored = { digest, sizeBytes: current };
      const kept = (async () => {
        await using layer = received;
        this.#held.push(await layer.keep());
        return { diffId: layer.diffId, stored };
      })();
      this.#found.set(path, kept);
      await this.#throttle(kept);
    } catch (error) {
      if (cut || !(error instanceof Error)) throw error;
      const failed = Promise.reject(error);
      failed.catch(() => {});
      this.#found.set(path, failed);
    }
  }

  async #throttle(keeping: Promise<unknown>): Promise<void> {
    const settled: Promise<unknown> = keeping.catch(() => {}).finally(() => this.#keeping.delete(settled));
    this.#keeping.add(settled);
    if (this.#keeping.size >= KEEPING_MAX) await Promise.race(this.#keeping);
  }

  /** A small file's bytes, with their digest checked where the path promises one; undefined where there is none. */
  file(path: string): Uint8Array | undefined {
    const real = this.#follow(path);
    const bytes = this.#files.get(real);
    if (bytes !== undefined) verifyBytes(real, bytes);
    return bytes;
  }

  /** @throws InvalidParameter where the archive has no such file */
  requireFile(path: string): Uint8Array {
    const bytes = this.file(path);
    if (bytes === undefined)
      throw invalidParameter(`invalid archive: it does not contain ${JSON.stringify(path)}`);
    return bytes;
  }

  /** @throws InvalidParameter where the archive has no such layer, or it is malformed or not what its path promises */
  async layer(path: string): Promise<ArchiveLayer> {
    const real = this.#follow(path);
    const found = this.#found.get(real);
    if (found === undefined)
      throw invalidParameter(`invalid archive: it does not contain ${JSON.stringify(path)}`);
    const layer = await found;
    const promised = promisedDigest(real);
    if (promised !== undefined && layer.stored !== undefined && layer.stored.digest !== promised) {
      throw invalidParameter(`invalid archive: the digest of ${real} is ${layer.stored.digest}`);
    }
    return layer;
  }

  /** Old archives name a layer that two images share by a link. */
  #follow(path: string): string {
    let real = cleanPath(path);
    for (let followed = 0; followed < LINKS_FOLLOWED_MAX; followed++) {
      const target = this.#links.get(real);
      if (target === undefined || this.#files.has(real) || this.#found.has(real)) return real;
      real = cleanPath(target);
    }
    throw invalidParameter(`invalid archive: too many links from ${JSON.stringify(path)}`);
  }

  /** Lets go of the layers: those that no image has by now are removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#keeping);
    for (const held of this.#held) held[Symbol.dispose]();
    await this.#layers.collect();
  }
}

/** How a layer is called in progress messages. */
function idOf(path: string): string {
  const hex = /[0-9a-f]{12,64}/.exec(path)?.[0];
  return hex === undefined ? path.slice(0, 64) : shortId(hex);
}

async function readHead(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < 512) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    parts.push(value);
    length += value.length;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

async function* continued(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
