import { type Digest, faultPoint, invalidParameter, log, messageOf, notFound } from "../lib/index.ts";
import type { BlobStore, BlobWriter } from "../store/index.ts";
import type { Catalog, LayerRecord } from "./catalog.ts";
import { Mutex } from "./mutex.ts";
import type { BlobRecord, TravelRecords } from "./registry/records.ts";
import type { DiffId, Snapshotter } from "./snapshots/snapshotter.ts";

/** A layer that was taken in and stays, also while no image has it, until it is let go. */
export interface HeldLayer extends Disposable {
  readonly diffId: DiffId;
}

/**
 * A layer that is read from a stream. Its digest is known, but nothing is durable; `keep` makes it so. Dispose of it.
 */
export interface ReceivedLayer extends AsyncDisposable {
  readonly diffId: DiffId;
  readonly tarBytes: number;
  /** With the form in which it came, where that is to be kept as well. */
  keep(came?: CameAs): Promise<HeldLayer>;
}

/** A layer's bytes as they travelled, verified and on disk but not yet under their name. */
export interface CameAs {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Makes them durable. */
  sync(): Promise<void>;
  /** Gives them their name. */
  commit(): Promise<unknown>;
}

/**
 * Layers, each as its exact tar in the blob store and as whatever the snapshotter makes of it. They come in one pass
 * (hashing, writing and indexing side by side), are shared by their diff ids, and go when nothing names them.
 */
export class Layers {
  readonly #catalog: Catalog;
  readonly #records: TravelRecords;
  readonly #blobs: BlobStore;
  readonly #snapshotter: Snapshotter;
  /** Layers come and go one step at a time, so that none is removed between "it is here" and the row that names it. */
  readonly #steps = new Mutex();
  readonly #holds = new Map<DiffId, number>();

  constructor(catalog: Catalog, records: TravelRecords, blobs: BlobStore, snapshotter: Snapshotter) {
    this.#catalog = catalog;
    this.#records = records;
    this.#blobs = blobs;
    this.#snapshotter = snapshotter;
  }

  /**
   * Reads a layer's uncompressed tar to its end.
   * @throws InvalidParameter for a malformed or hostile one; nothing stays
   */
  async receive(tar: AsyncIterable<Uint8Array>): Promise<ReceivedLayer> {
    await using undo = new AsyncDisposableStack();
    const writer = undo.use(await this.#blobs.writer());
    const receiver = undo.use(await this.#snapshotter.receive());
    for await (const bytes of tar) {
      const indexed = receiver.write(bytes);
      const written = writer.write(bytes);
      if (indexed !== undefined) await indexed;
      if (written !== undefined) await written;
    }
    const [facts, { digest: diffId, sizeBytes: tarBytes }] = await Promise.all([
      receiver.end(),
      writer.finish(),
    ]);
    const resources = undo.move();
    let staged: Promise<unknown> | undefined;
    const stage = () => {
      staged ??= Promise.all([writer.sync(), receiver.stage(writer.path)]);
      return staged;
    };
    const keep = async (came?: CameAs): Promise<HeldLayer> => {
      // The long part is done beside others; only giving names to what is on disk is done one by one.
      const syncing = came?.sync();
      syncing?.catch(() => {});
      if (!(await this.#isHere(diffId))) await stage();
      await syncing;
      return await this.#steps.run(async () => {
        if (!(await this.#isHere(diffId))) {
          await stage();
          // Without a row that names them, both are swept by the next start.
          await Promise.all([writer.commit(), receiver.commit(diffId)]);
          faultPoint("layer-durable");
          this.#catalog.addLayer({ diffId, tarBytes, contentBytes: facts.contentBytes, root: facts.root });
        }
        if (came !== undefined) await this.#keepForm(diffId, came);
        return this.#hold(diffId);
      });
    };
    return { diffId, tarBytes, keep, [Symbol.asyncDispose]: () => resources.disposeAsync() };
  }

  async #keepForm(diffId: DiffId, { digest, mediaType, sizeBytes, commit }: CameAs): Promise<void> {
    await commit();
    faultPoint("layer-form-durable");
    this.#records.addBlob({ digest, diffId, mediaType, sizeBytes });
  }

  /** Adds a form in which a layer that is held travels. */
  addForm(diffId: DiffId, came: CameAs): Promise<void> {
    return this.#steps.run(() => this.#keepForm(diffId, came));
  }

  /** The forms in which a layer travels; whether their bytes are here, `hasForm` tells. */
  formsOf(diffId: DiffId): BlobRecord[] {
    return this.#records.blobsOf(diffId);
  }

  async hasForm({ digest, sizeBytes }: BlobRecord): Promise<boolean> {
    return (await this.#blobs.size(digest)) === sizeBytes;
  }

  /** A form's bytes from one on. */
  readForm(digest: Digest, from: number): AsyncIterable<Uint8Array> {
    return this.#blobs.read(digest, from);
  }

  /** Holds a layer that somebody else holds. */
  share(held: HeldLayer): HeldLayer {
    return this.#hold(held.diffId);
  }

  /** A place for a form that is made here. */
  formWriter(): Promise<BlobWriter> {
    return this.#blobs.writer();
  }

  /** A place for a form that comes from afar, with what came of it before. */
  resumeForm(digest: Digest): Promise<BlobWriter> {
    return this.#blobs.resume(digest);
  }

  /** Removes what came of downloads that were given up. @returns their bytes */
  removePartials(): Promise<number> {
    return this.#blobs.removePartials();
  }

  async #isHere(diffId: DiffId): Promise<boolean> {
    if (this.#catalog.layer(diffId) === undefined) return false;
    return (await this.#blobs.size(diffId)) !== undefined && (await this.#snapshotter.hasLayer(diffId));
  }

  /** Holds a layer that is here; undefined where it is not. */
  async find(diffId: DiffId): Promise<HeldLayer | undefined> {
    return await this.#steps.run(async () => ((await this.#isHere(diffId)) ? this.#hold(diffId) : undefined));
  }

  /** Holds layers that an image has, while something is done with them. @throws NotFound where one is missing */
  async holdAll(layers: readonly DiffId[]): Promise<Disposable> {
    using undo = new DisposableStack();
    for (const diffId of new Set(layers)) {
      const held = await this.find(diffId);
      if (held === undefined) throw notFound(`layer does not exist: ${diffId}`);
      undo.use(held);
    }
    return undo.move();
  }

  #hold(diffId: DiffId): HeldLayer {
    this.#holds.set(diffId, (this.#holds.get(diffId) ?? 0) + 1);
    let held = true;
    return {
      diffId,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const count = this.#holds.get(diffId)! - 1;
        if (count > 0) this.#holds.set(diffId, count);
        else this.#holds.delete(diffId);
      },
    };
  }

  /** The exact bytes that the layer came as. */
  read(diffId: DiffId): AsyncIterable<Uint8Array> {
    return this.#blobs.read(diffId);
  }

  /** @throws NotFound */
  record(diffId: DiffId): LayerRecord {
    const record = this.#catalog.layer(diffId);
    if (record === undefined) throw notFound(`layer does not exist: ${diffId}`);
    return record;
  }

  /**
   * Layers whose snapshot form is missing are made again from their tars: the snapshotter is another one than before,
   * or a crash or a damaged disk took it.
   */
  async ensure(layers: readonly DiffId[]): Promise<void> {
    for (const diffId of new Set(layers)) {
      if (await this.#snapshotter.hasLayer(diffId)) continue;
      await this.#steps.run(() => this.#rebuild(diffId));
    }
  }

  async #rebuild(diffId: DiffId): Promise<void> {
    if (await this.#snapshotter.hasLayer(diffId)) return;
    if ((await this.#blobs.size(diffId)) === undefined) throw notFound(`layer does not exist: ${diffId}`);
    await using receiver = await this.#snapshotter.receive();
    const hasher = new Bun.CryptoHasher("sha256");
    for await (const bytes of this.#blobs.read(diffId)) {
      hasher.update(bytes);
      const indexed = receiver.write(bytes);
      if (indexed !== undefined) await indexed;
    }
    await receiver.end();
    const digest = `sha256:${hasher.digest("hex")}`;
    if (digest !== diffId)
      throw invalidParameter(`layer ${diffId} is damaged on disk: its digest is ${digest}`);
    await receiver.stage(this.#blobs.path(diffId));
    await receiver.commit(diffId);
  }

  /**
   * Removes the layers that nothing names: first, and for good, from the catalog, then from the disk. What came of a pull
   * that failed can be kept so far that it need not come again.
   * @returns them
   */
  async collect(options: { keepDownloads?: boolean } = {}): Promise<Digest[]> {
    return await this.#steps.run(async () => {
      const unused = this.#catalog.unusedLayers().filter((diffId) => !this.#holds.has(diffId));
      if (unused.length === 0) return [];
      const forms = unused.flatMap((diffId) => this.#records.blobsOf(diffId));
      this.#catalog.write(() => {
        for (const diffId of unused) this.#catalog.removeLayer(diffId);
      });
      await this.#catalog.durable();
      faultPoint("layer-rows-removed");
      for (const { digest } of forms) {
        // An uncompressed layer travels as it is kept.
        if (this.#isNamed(digest) || unused.includes(digest)) continue;
        if (options.keepDownloads === true) await this.#blobs.demote(digest);
        else await this.#blobs.remove(digest);
      }
      for (const diffId of unused) await this.#removeFiles(diffId);
      return unused;
    });
  }

  /** Whether a row names these bytes, as a layer or as the form of one. */
  #isNamed(digest: Digest): boolean {
    return this.#catalog.layer(digest) !== undefined || this.#records.isBlob(digest);
  }

  async #removeFiles(diffId: DiffId): Promise<void> {
    await this.#snapshotter.removeLayer(diffId);
    if (!this.#records.isBlob(diffId)) await this.#blobs.remove(diffId);
  }

  /** At the daemon's start: removes what no row names, and rows that no image names. */
  async sweep(): Promise<void> {
    const known = new Set<Digest>(this.#catalog.layers().map(({ diffId }) => diffId));
    for (const digest of this.#records.blobDigests()) known.add(digest);
    const found = new Set([
      ...(await this.#snapshotter.layers()),
      ...(await Array.fromAsync(this.#blobs.list())),
    ]);
    for (const diffId of found) {
      if (known.has(diffId)) continue;
      log.info("removing a layer that nothing names", { layer: diffId });
      await this.#removeFiles(diffId).catch((error: unknown) =>
        log.warn("cannot remove a layer", { layer: diffId, error: messageOf(error) }),
      );
    }
    await this.collect({ keepDownloads: true });
  }
}
