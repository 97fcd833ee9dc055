import { type Digest, faultPoint, invalidParameter, log, messageOf, notFound } from "../lib/index.ts";
import { bootId } from "../linux/index.ts";
import type { BlobStore, BlobWriter } from "../store/index.ts";
import type { Catalog, LayerRecord } from "./catalog.ts";
import { type DiskSpace, whileSpaceLasts } from "./limited.ts";
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
  /** Keeps it without waiting for the disk: it is durable after `Layers.settle`, or gone after a power cut. */
  keepLater(): Promise<HeldLayer>;
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
  /** Layers that were found whole since this process began, and not removed by it. */
  readonly #seen = new Set<DiffId>();
  /** Layers that are whole but not known to be on disk. */
  readonly #unsynced: Set<DiffId>;
  readonly #space: DiskSpace;

  /** @param space the disk that layers are written to; without `makeRoom`, which is this class's work */
  constructor(
    catalog: Catalog,
    records: TravelRecords,
    blobs: BlobStore,
    snapshotter: Snapshotter,
    space: Omit<DiskSpace, "makeRoom">,
  ) {
    this.#space = { ...space, makeRoom: (bytes) => this.dropForms(bytes) };
    this.#catalog = catalog;
    this.#records = records;
    this.#blobs = blobs;
    this.#snapshotter = snapshotter;
    this.#unsynced = new Set(catalog.unsynced().map(({ diffId }) => diffId));
  }

  /**
   * Reads a layer's tar to its end.
   * @param options.toKeep it will be kept, on disk: what that takes is begun while its digest is still being made
   * @param options.compressed it may be, in any way that is known; what is kept is not
   * @throws InvalidParameter for a malformed or hostile one, System where the disk has no room; nothing stays
   */
  async receive(
    tar: AsyncIterable<Uint8Array>,
    { toKeep = false, compressed = false }: { toKeep?: boolean; compressed?: boolean } = {},
  ): Promise<ReceivedLayer> {
    await using undo = new AsyncDisposableStack();
    const writer = undo.use(await this.#blobs.writer());
    const receiver = undo.use(await this.#snapshotter.receive());
    const taken = compressed ? writer.decompress(tar) : writer.takeAll(tar);
    for await (const bytes of whileSpaceLasts(taken, this.#space)) {
      const indexed = receiver.write(bytes);
      if (indexed !== undefined) await indexed;
    }
    let staged: Promise<unknown> | undefined;
    const stage = () => {
      staged ??= Promise.all([writer.sync(), writer.written().then(() => receiver.stage(writer.path))]);
      return staged;
    };
    undo.defer(async () => void (await staged?.catch(() => {})));
    const facts = await receiver.end();
    if (toKeep) stage().catch(() => {});
    const { digest: diffId, sizeBytes: tarBytes } = await writer.finish();
    const resources = undo.move();
    const keep = async (came?: CameAs): Promise<HeldLayer> => {
      // The long part is done beside others; only giving names to what is on disk is done one by one.
      const syncing = came?.sync();
      syncing?.catch(() => {});
      if (!(await this.#isHere(diffId))) await stage();
      await syncing;
      return await this.#durably(
        this.#steps.run(async () => {
          if (!(await this.#isHere(diffId))) {
            await stage();
            // Without a row that names them, both are swept by the next start.
            await Promise.all([writer.commit(), receiver.commit(diffId)]);
            faultPoint("layer-durable");
            this.#catalog.addLayer({ diffId, tarBytes, contentBytes: facts.contentBytes, root: facts.root });
          }
          if (came !== undefined) await this.#keepForm(diffId, came);
          return this.#hold(diffId);
        }),
      );
    };
    const keepLater = async (): Promise<HeldLayer> => {
      const stage = () => {
        staged ??= receiver.stage(writer.path, { later: true });
        return staged;
      };
      if (!(await this.#isHere(diffId))) await stage();
      return await this.#steps.run(async () => {
        if (!(await this.#isHere(diffId))) {
          await stage();
          await Promise.all([writer.commitLater(), receiver.commit(diffId, { later: true })]);
          faultPoint("layer-here");
          const root = facts.root;
          this.#catalog.write(() => {
            this.#catalog.addLayer({ diffId, tarBytes, contentBytes: facts.contentBytes, root });
            this.#catalog.addUnsynced(diffId, bootId());
          });
          this.#unsynced.add(diffId);
        }
        return this.#hold(diffId);
      });
    };
    return { diffId, tarBytes, keep, keepLater, [Symbol.asyncDispose]: () => resources.disposeAsync() };
  }

  /** A layer that somebody kept without waiting for the disk is no good yet to who wants to record it. */
  async #durably<Held extends HeldLayer | undefined>(holding: Promise<Held>): Promise<Held> {
    const held = await holding;
    try {
      if (held !== undefined) await this.settle([held.diffId]);
      return held;
    } catch (error) {
      held?.[Symbol.dispose]();
      throw error;
    }
  }

  /** Makes layers durable, which the caller holds. Costs nothing where all are. */
  async settle(layers: readonly DiffId[]): Promise<void> {
    const open = [...new Set(layers)].filter((diffId) => this.#unsynced.has(diffId));
    if (open.length === 0) return;
    await Promise.all([this.#blobs.sync(open), this.#snapshotter.sync(open)]);
    faultPoint("layer-durable");
    this.#catalog.removeUnsynced(open);
    for (const diffId of open) this.#unsynced.delete(diffId);
  }

  /** Makes all layers durable. */
  async settleAll(): Promise<void> {
    const held = await this.holdQuickly([...this.#unsynced], { skipMissing: true });
    try {
      await this.settle(held.map(({ diffId }) => diffId));
    } finally {
      for (const one of held) one[Symbol.dispose]();
    }
  }

  /**
   * Holds layers, also such that are not durable yet. Those that were found whole before are not looked at again.
   * @throws NotFound where one is missing
   */
  async holdQuickly(
    layers: readonly DiffId[],
    options: { skipMissing?: boolean } = {},
  ): Promise<HeldLayer[]> {
    using undo = new DisposableStack();
    const held: HeldLayer[] = [];
    for (const diffId of layers) {
      const one = this.#holdSeen(diffId) ?? (await this.#find(diffId));
      if (one === undefined && options.skipMissing === true) continue;
      if (one === undefined) throw notFound(`layer does not exist: ${diffId}`);
      held.push(undo.use(one));
    }
    undo.move();
    return held;
  }

  #holdSeen(diffId: DiffId): HeldLayer | undefined {
    if (!this.#seen.has(diffId) || this.#catalog.layer(diffId) === undefined) return undefined;
    return this.#hold(diffId);
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

  /**
   * Removes forms that a registry is known to have until they make so many bytes, the longest unseen first; what came of
   * downloads that were given up goes last. Layers stay, and a push gets such a form from where it is. Forms of layers that
   * are held stay, too: somebody may be sending them.
   * @returns how many bytes that gave
   */
  dropForms(bytes = Number.POSITIVE_INFINITY): Promise<number> {
    return this.#steps.run(async () => {
      let dropped = 0;
      for (const { digest, diffId, sizeBytes } of this.#records.droppableBlobs()) {
        if (dropped >= bytes) return dropped;
        if (this.#holds.has(diffId)) continue;
        // In this order: a file that no row wants is swept by the next start.
        this.#records.dropBlob(digest);
        await this.#blobs.remove(digest, { now: true });
        dropped += sizeBytes;
      }
      return dropped < bytes ? dropped + (await this.#blobs.removePartials()) : dropped;
    });
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

  /** Holds a layer that is here, and durable; undefined where it is not. */
  find(diffId: DiffId): Promise<HeldLayer | undefined> {
    return this.#durably(this.#find(diffId));
  }

  #find(diffId: DiffId): Promise<HeldLayer | undefined> {
    return this.#steps.run(async () => ((await this.#isHere(diffId)) ? this.#hold(diffId) : undefined));
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
    this.#seen.add(diffId);
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

  /** The same, for whoever sends it on: each piece holds only until the next is asked for. */
  readAhead(diffId: DiffId): AsyncIterable<Uint8Array> {
    return this.#blobs.readAhead(diffId);
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
  async collect(options: { keepDownloads?: boolean } = {}): Promise<LayerRecord[]> {
    return await this.#steps.run(async () => {
      const records = this.#catalog.unusedLayers().filter(({ diffId }) => !this.#holds.has(diffId));
      const unused: Digest[] = records.map(({ diffId }) => diffId);
      if (unused.length === 0) return [];
      const forms = unused.flatMap((diffId) => this.#records.blobsOf(diffId));
      this.#catalog.write(() => {
        for (const diffId of unused) this.#catalog.removeLayer(diffId);
      });
      for (const diffId of unused) this.#seen.delete(diffId);
      await this.#catalog.durable();
      faultPoint("layer-rows-removed");
      for (const { digest } of forms) {
        // An uncompressed layer travels as it is kept.
        if (this.#isNamed(digest) || unused.includes(digest)) continue;
        if (options.keepDownloads === true) await this.#blobs.demote(digest);
        else await this.#blobs.remove(digest);
      }
      for (const diffId of unused) await this.#removeFiles(diffId);
      return records;
    });
  }

  /** Whether a row names these bytes, as a layer or as the form of one. */
  #isNamed(digest: Digest): boolean {
    return this.#catalog.layer(digest) !== undefined || this.#records.isKeptBlob(digest);
  }

  async #removeFiles(diffId: DiffId): Promise<void> {
    this.#unsynced.delete(diffId);
    await this.#snapshotter.removeLayer(diffId);
    if (!this.#records.isKeptBlob(diffId)) await this.#blobs.remove(diffId);
  }

  /** At the daemon's start: removes what no row names, and rows that no image names. */
  async sweep(): Promise<void> {
    await this.#checkUnsynced();
    const known = new Set<Digest>(this.#catalog.layers().map(({ diffId }) => diffId));
    for (const digest of this.#records.keptBlobs()) known.add(digest);
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

  /** Layers that the power may have gone off under: those that are not whole go, and their pins with them. */
  async #checkUnsynced(): Promise<void> {
    const boot = bootId();
    for (const unsynced of this.#catalog.unsynced()) {
      // What was handed to this kernel is as it was, whoever died meanwhile.
      if (unsynced.boot === boot) continue;
      const { diffId } = unsynced;
      const isWhole = await this.#isWhole(diffId).catch(() => false);
      if (isWhole) {
        // Its index may be damaged as well, and is made anew.
        await this.#snapshotter.removeLayer(diffId);
        await this.#rebuild(diffId);
        await this.#blobs.sync([diffId]);
        this.#catalog.removeUnsynced([diffId]);
      } else {
        log.info("removing a layer that a power cut damaged", { layer: diffId });
        this.#catalog.removeLayer(diffId);
        await this.#removeFiles(diffId);
      }
      this.#unsynced.delete(diffId);
    }
  }

  async #isWhole(diffId: DiffId): Promise<boolean> {
    const hasher = new Bun.CryptoHasher("sha256");
    for await (const bytes of this.#blobs.read(diffId)) hasher.update(bytes);
    return `sha256:${hasher.digest("hex")}` === diffId;
  }
}
