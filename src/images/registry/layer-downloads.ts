import { type LayerDescriptor, type RemoteRepository, verificationFailed } from "../../distribution/index.ts";
import { EngineError, invalidParameter, kindOf, messageOf, Slots } from "../../lib/index.ts";
import type { BlobWriter } from "../../store/index.ts";
import type { HeldLayer, Layers, ReceivedLayer } from "../layers.ts";
import { ByteQueue } from "../snapshots/byte-queue.ts";
import type { DiffId } from "../snapshots/snapshotter.ts";
import type { LayerProgress } from "./progress.ts";
import { SharedWork } from "./shared-work.ts";

/** How a download stands. */
type News =
  | { readonly say: string }
  | { readonly status: string; readonly current: number; readonly total: number };
type Tell = (news: News) => void;

/**
 * Layers on their way from registries: so many at a time whoever wants them, and each once however many want it. The bytes are
 * hashed, kept, decompressed, hashed again and indexed in one pass; what a broken-off download has brought is not
 * brought again.
 */
export class LayerDownloads {
  readonly #layers: Layers;
  readonly #slots: Slots;
  readonly #shared: SharedWork<HeldLayer, News>;

  constructor(layers: Layers, concurrency: number) {
    this.#layers = layers;
    this.#slots = new Slots(concurrency);
    this.#shared = new SharedWork((held) => layers.share(held));
  }

  /**
   * Brings a layer here.
   * @param diffId what its tar has to be, by the image's configuration
   * @throws RegistryError; InvalidParameter for what is not the promised layer, of which nothing stays
   */
  async get(
    remote: RemoteRepository,
    descriptor: LayerDescriptor,
    diffId: DiffId,
    progress: LayerProgress,
    signal: AbortSignal,
  ): Promise<HeldLayer> {
    const show: Tell = (news) => {
      if ("say" in news) progress.say(news.say);
      else progress.move(news.status, news.current, news.total);
    };
    const held = await this.#shared.run(descriptor.digest, signal, show, async (tell, until) => {
      if (this.#slots.areTaken) tell({ say: "Waiting" });
      using _slot = await this.#slots.take(until);
      // Somebody else's may have come while this one waited.
      const here = await this.#layers.find(diffId);
      if (here !== undefined) {
        tell({ say: "Already exists" });
        return here;
      }
      for (let attempt = 1; ; attempt++) {
        const download = new LayerDownload(this.#layers, remote, descriptor, diffId, tell, until);
        try {
          return await download.run();
        } catch (error) {
          // What was on disk may have been damaged there: once, all of it comes anew.
          if (attempt > 1 || !download.hasResumed || !isWrongContent(error)) throw error;
        }
      }
    });
    // Two images may say different things of the same bytes; at most one of them is right.
    if (held.diffId === diffId) return held;
    held[Symbol.dispose]();
    throw differs(descriptor, held.diffId, diffId);
  }
}

function differs({ digest }: LayerDescriptor, actual: DiffId, expected: DiffId): EngineError {
  return invalidParameter(
    `layers from manifest don't match image configuration: ${digest} is ${actual}, not ${expected}`,
  );
}

const isWrongContent = (error: unknown) => kindOf(error) === "InvalidParameter";

class LayerDownload {
  /** Part of the content was on disk before. */
  hasResumed = false;
  readonly #layers: Layers;
  readonly #remote: RemoteRepository;
  readonly #descriptor: LayerDescriptor;
  readonly #diffId: DiffId;
  readonly #tell: Tell;
  readonly #signal: AbortSignal;
  readonly #queue = new ByteQueue();
  /** The layer's tar is malformed, or cannot be kept; only whether the content is what was promised still matters. */
  #unpackingFailed = false;

  constructor(
    layers: Layers,
    remote: RemoteRepository,
    descriptor: LayerDescriptor,
    diffId: DiffId,
    tell: Tell,
    signal: AbortSignal,
  ) {
    this.#layers = layers;
    this.#remote = remote;
    this.#descriptor = descriptor;
    this.#diffId = diffId;
    this.#tell = tell;
    this.#signal = signal;
  }

  async run(): Promise<HeldLayer> {
    await using file = await this.#layers.resumeForm(this.#descriptor.digest);
    const receiving = this.#layers.receive(this.#queue, { toKeep: true, compressed: true });
    receiving.catch((error: unknown) => {
      this.#unpackingFailed = true;
      this.#queue.fail(error);
    });
    try {
      await this.#bring(file);
      this.#queue.end();
      await using layer = await receiving;
      return await this.#keep(file, layer);
    } catch (error) {
      this.#queue.fail(error);
      await receiving.then(
        (layer) => layer[Symbol.asyncDispose](),
        () => {},
      );
      // A connection that broke is taken up another time; content that is wrong is not.
      if (isWrongContent(error)) await file.discard();
      throw error;
    }
  }

  /** Everything there is, to the disk and to the unpacking; then its digest is right. */
  async #bring(file: BlobWriter): Promise<void> {
    const { digest, size } = this.#descriptor;
    for await (const bytes of file.recall()) {
      this.hasResumed = true;
      this.#signal.throwIfAborted();
      if (file.sizeBytes > size) throw verificationFailed(digest);
      await this.#unpack(bytes);
    }
    this.#move("Downloading", file.sizeBytes);
    for await (const bytes of this.#remote.blob(this.#descriptor, file.sizeBytes, this.#signal)) {
      const written = file.write(bytes);
      if (written !== undefined) await written;
      await this.#unpack(bytes);
      this.#move("Downloading", file.sizeBytes);
    }
    this.#tell({ say: "Verifying Checksum" });
    if ((await file.finish()).digest !== digest) throw verificationFailed(digest);
    this.#tell({ say: "Download complete" });
  }

  async #unpack(bytes: Uint8Array): Promise<void> {
    if (this.#unpackingFailed) return;
    try {
      const taken = this.#queue.push(bytes);
      if (taken !== undefined) await taken;
    } catch {
      // Told when the digest is known: damage on the way is a better reason than what it does to a tar.
    }
  }

  async #keep(file: BlobWriter, layer: ReceivedLayer): Promise<HeldLayer> {
    const { digest, mediaType, size } = this.#descriptor;
    if (layer.diffId !== this.#diffId) throw differs(this.#descriptor, layer.diffId, this.#diffId);
    this.#move("Extracting", size);
    const held = await layer.keep({
      digest,
      mediaType,
      sizeBytes: size,
      sync: () => file.sync(),
      commit: () => file.commit(digest),
    });
    this.#tell({ say: "Pull complete" });
    return held;
  }

  #move(status: string, current: number): void {
    this.#tell({ status, current, total: this.#descriptor.size });
  }
}

/** Docker's words for a layer that can't be unpacked. */
export function layerFailure(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.kind !== "InvalidParameter") return error;
  return new EngineError("InvalidParameter", `failed to register layer: ${messageOf(error)}`, {
    cause: error,
  });
}
