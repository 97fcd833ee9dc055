import { conflict, faultPoint, log } from "../lib/index.ts";
import { sharesBlocks } from "../linux/index.ts";
import type { Trash } from "../store/index.ts";
import type { Volume, VolumeCreateRequest } from "../wire/index.ts";
import { nameIsTaken, type VolumeCore } from "./core.ts";
import { ANONYMOUS_LABEL } from "./names.ts";
import type { VolumeRecord } from "./records.ts";
import {
  copyDirectory,
  emptyDirectory,
  type Freeze,
  type Frozen,
  isEmptyDirectory,
  nobodyFrozen,
  packFrozen,
  unpackInto,
} from "./transfer.ts";

export interface ExportOptions {
  readonly freeze?: Freeze | undefined;
}

export interface ImportOptions {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The volume may have files already; those of the archive replace what has their names. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CloneOptions {
  readonly freeze?: Freeze | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Volumes' data in and out as a whole: what Docker has no command for. */
export class VolumeTransfers {
  readonly #core: VolumeCore;
  readonly #trash: Trash;

  constructor(core: VolumeCore, trash: Trash) {
    this.#core = core;
    this.#trash = trash;
  }

  /**
   * A volume's files as a tar stream, as they are at one moment: those who use it stand still while it is read. Where
   * files can share blocks a copy is made first, and nobody waits for the receiver.
   * The stream must be read to its end or returned.
   */
  async export(name: string, options: ExportOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const undo = new AsyncDisposableStack();
    try {
      const path = await this.#core.hold(name, undo);
      const frozen = await (options.freeze ?? nobodyFrozen)(this.#core.records.users(name));
      // Also where the stream is never begun.
      undo.use(frozen);
      const copy = await this.#quickCopy(path, frozen, undo);
      const stream = copy === undefined ? packFrozen(path, frozen) : packFrozen(copy, await nobodyFrozen([]));
      return closing(stream, undo);
    } catch (error) {
      await undo.disposeAsync();
      throw error;
    }
  }

  /**
   * Fills a volume from a tar stream, and makes it where there is none. Should that fail, the volume is as empty as
   * before, or is not there.
   * @throws Conflict where it has files and `overwrite` does not say that this is meant
   */
  async import(name: string, body: AsyncIterable<Uint8Array>, options: ImportOptions = {}): Promise<Volume> {
    await using undo = new AsyncDisposableStack();
    const { volume, created } = await this.#core.ensure({ name, labels: options.labels ?? {} });
    await this.#fill(volume, undo, { created, overwrite: options.overwrite === true }, (path) =>
      unpackInto(path, body, options.signal),
    );
    return this.#core.shown(volume);
  }

  /**
   * A new volume with the files of another one as they are at one moment, its labels, and those of the request. Files
   * share their blocks where the file system can do that.
   * @throws Conflict where a volume of the new name is there
   */
  async clone(source: string, request: VolumeCreateRequest, options: CloneOptions = {}): Promise<Volume> {
    await using undo = new AsyncDisposableStack();
    const from = await this.#core.hold(source, undo);
    const { [ANONYMOUS_LABEL]: _, ...labels } = this.#core.records.get(source)?.labels ?? {};
    const { volume, created } = await this.#core.ensure({
      name: request.Name || undefined,
      driver: request.Driver,
      driverOptions: request.DriverOpts ?? {},
      labels: { ...labels, ...request.Labels },
    });
    if (!created) throw nameIsTaken(volume.name);
    await this.#fill(volume, undo, { created, overwrite: false }, async (path) => {
      await using _frozen = await (options.freeze ?? nobodyFrozen)(this.#core.records.users(source));
      await copyDirectory(from, path, options.signal);
    });
    return this.#core.shown(volume);
  }

  /** Where files can share blocks: a copy that nobody writes to. Those who stood still for it go on. */
  async #quickCopy(path: string, frozen: Frozen, undo: AsyncDisposableStack): Promise<string | undefined> {
    if (!sharesBlocks(path)) return undefined;
    const copy = undo.use(this.#trash.scratch());
    try {
      await copyDirectory(path, copy.path);
    } finally {
      await frozen[Symbol.asyncDispose]();
    }
    return copy.path;
  }

  /** Brings files into a volume that nobody sees meanwhile, or sees as it is. */
  async #fill(
    volume: VolumeRecord,
    undo: AsyncDisposableStack,
    { created, overwrite }: { created: boolean; overwrite: boolean },
    bring: (path: string) => Promise<void>,
  ): Promise<void> {
    const { name } = volume;
    let emptied = false;
    try {
      this.#core.beginFilling(name, undo);
      const path = await this.#core.hold(name, undo);
      const isEmpty = isEmptyDirectory(path);
      if (!isEmpty && !overwrite) throw conflict(`volume ${name} is not empty`);
      const marked = isEmpty && volume.driver === "local";
      if (marked) this.#core.local.beginPopulate(volume);
      faultPoint("volumes.fill");
      try {
        await bring(path);
      } catch (error) {
        if (isEmpty) await emptyDirectory(path);
        emptied = isEmpty;
        throw error;
      } finally {
        if (marked) this.#core.local.endPopulate(volume);
      }
      await this.#core.records.durable();
    } catch (error) {
      await undo.disposeAsync();
      if (created) await this.#core.inTurn(name, () => this.#core.removeUnused(volume, {})).catch(() => {});
      else if (emptied) log.info("a volume could not be filled; it is empty again", { volume: name });
      throw error;
    }
  }
}

/** Gives everything back at the stream's end, also where nobody begins to read it. */
function closing(
  stream: AsyncGenerator<Uint8Array, void, undefined>,
  undo: AsyncDisposableStack,
): AsyncIterable<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      try {
        const step = await stream.next();
        if (step.done) await undo.disposeAsync();
        return step;
      } catch (error) {
        await undo.disposeAsync();
        throw error;
      }
    },
    async return() {
      await stream.return();
      await undo.disposeAsync();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
