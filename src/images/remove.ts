import { conflict, type Digest, digestOf, type EngineError, shortId } from "../lib/index.ts";
import type { ImageDeleteItem } from "../wire/index.ts";
import { type ImageContext, tellImageEvent } from "./context.ts";
import { familiarName, parseImageName, repositoryOf, shortImageId } from "./reference.ts";
import { isIdPrefix, keyOf, resolveImage } from "./resolve.ts";
import type { DiffId } from "./snapshots/snapshotter.ts";
import { recordMove } from "./versions/record.ts";

export interface RemoveOptions {
  /** Remove an image that has several names, or that containers that do not run were made from. */
  readonly force?: boolean;
  /** Keep parents that have no name. */
  readonly noPrune?: boolean;
}

/** What stands against removing an image. A hard conflict cannot be forced. */
interface RemoveConflict {
  readonly error: EngineError;
  /** A container stands on the image. */
  readonly isUsed: boolean;
}

/** Which kinds of conflict are looked for. */
interface ConflictMask {
  readonly names: boolean;
  readonly stopped: boolean;
}

/**
 * `docker rmi`, by Docker's rules: a name only loses that name while the image has others; an id, or the last name,
 * removes the image, unless another image was made from it or a container needs it, and then parents that were kept
 * for it alone.
 * @throws NotFound; Conflict with Docker's words
 */
export async function removeImage(
  context: ImageContext,
  text: string,
  options: RemoveOptions = {},
): Promise<ImageDeleteItem[]> {
  return await finishRemovals(context, [beginRemoval(context, text, options)]);
}

/** An image that nobody finds any more; its layers are still on disk. */
export interface BegunRemoval {
  /** What was done. */
  readonly items: readonly ImageDeleteItem[];
  /** Adds the layers, of all that were removed, which were of this one. */
  tellLayers(removed: Set<Digest>): void;
}

/** The part of `removeImage` that can be in a transaction with others. @throws as `removeImage` */
export function beginRemoval(
  context: ImageContext,
  text: string,
  { force = false, noPrune = false }: RemoveOptions = {},
): BegunRemoval {
  const removal = new Removal(context, force, noPrune);
  removal.run(text);
  return removal;
}

/** Removes the layers that nothing needs any more. @returns what was done */
export async function finishRemovals(
  { catalog, layers }: ImageContext,
  removals: readonly BegunRemoval[],
): Promise<ImageDeleteItem[]> {
  // It waits for the disk itself where there are layers to remove; then this costs nothing more.
  const removed = new Set<Digest>((await layers.collect()).map(({ diffId }) => diffId));
  await catalog.durable();
  for (const removal of removals) removal.tellLayers(removed);
  return removals.flatMap(({ items }) => items);
}

class Removal implements BegunRemoval {
  readonly items: ImageDeleteItem[] = [];
  /** Layers of the images that were removed. */
  readonly #stacks: (readonly DiffId[])[] = [];
  readonly #context: ImageContext;
  readonly #force: boolean;
  readonly #noPrune: boolean;

  constructor(context: ImageContext, force: boolean, noPrune: boolean) {
    this.#context = context;
    this.#force = force;
    this.#noPrune = noPrune;
  }

  /** Docker names a layer by its chain id: the digest that stands for it and all below it. */
  tellLayers(removed: Set<Digest>): void {
    for (const layers of this.#stacks) {
      for (const { diffId, chainId } of chainIds(layers).reverse()) {
        if (removed.delete(diffId)) this.items.push({ Deleted: chainId });
      }
    }
  }

  run(text: string): void {
    const { record, name } = resolveImage(this.#context, text);
    const { id } = record.document;
    if (name === undefined || isIdPrefix(id, text)) this.#byId(id);
    else this.#byName(id, keyOf(name), text);
  }

  #byName(id: Digest, key: string, text: string): void {
    const { catalog, users } = this.#context;
    if (!this.#force && isSingleName(catalog.namesOf(id))) {
      const user = users.of(id)[0];
      if (user !== undefined) {
        throw conflict(
          `conflict: unable to remove repository reference "${text}" (must force) - container ` +
            `${shortId(user.containerId)} is using its referenced image ${shortImageId(id)}`,
        );
      }
    }
    this.#untag(id, key);
    const removed = parseImageName(key);
    if (removed.digest === undefined) this.#untagDigestsOf(id, repositoryOf(removed));
    if (catalog.namesOf(id).length === 0) this.#remove(id, this.#force, true);
  }

  /** When a repository's last tag is gone, its digests, which only came with it, go too. */
  #untagDigestsOf(id: Digest, repository: string): void {
    const ofRepository = this.#context.catalog
      .namesOf(id)
      .filter(({ name }) => repositoryOf(parseImageName(name)) === repository);
    if (ofRepository.some(({ isDigest }) => !isDigest)) return;
    for (const { name } of ofRepository) this.#untag(id, name);
  }

  #byId(id: Digest): void {
    const names = this.#context.catalog.namesOf(id);
    if (isSingleName(names)) {
      const found = this.#findConflict(id, { names: false, stopped: !this.#force });
      if (found !== undefined) throw found.error;
      for (const { name } of names) this.#untag(id, name);
    }
    this.#remove(id, this.#force, false);
  }

  #untag(id: Digest, key: string): void {
    const { catalog, versions } = this.#context;
    const name = parseImageName(key);
    catalog.write(() => {
      catalog.removeName(key);
      // A digest never moves: that somebody pulled by it is all that there was to know.
      if (name.digest !== undefined) versions.records.removeAll(key);
      else recordMove(this.#context, key, { before: id, after: undefined, how: { kind: "untag" } });
    });
    this.items.push({ Untagged: familiarName(name) });
    tellImageEvent(this.#context, "untag", id, id);
  }

  /** @param quiet its name is gone already, which is enough where the image itself has to stay */
  #remove(id: Digest, force: boolean, quiet: boolean): void {
    const { catalog } = this.#context;
    const found = this.#findConflict(id, { names: !force, stopped: !force });
    if (found !== undefined) {
      const isDangling = catalog.namesOf(id).length === 0 && catalog.children(id).length === 0;
      if (quiet && (!isDangling || found.isUsed)) return;
      throw found.error;
    }
    const record = catalog.get(id);
    if (record === undefined) return;
    for (const { name } of catalog.namesOf(id)) this.#untag(id, name);
    const labels = record.document.config.Labels ?? {};
    catalog.remove(id);
    this.#stacks.push(record.document.layers);
    this.items.push({ Deleted: id });
    tellImageEvent(this.#context, "delete", id, id, labels);
    if (this.#noPrune || record.parent === undefined || catalog.get(record.parent) === undefined) return;
    this.#remove(record.parent, false, true);
  }

  #findConflict(id: Digest, mask: ConflictMask): RemoveConflict | undefined {
    const { catalog, users } = this.#context;
    const against = (forced: string, reason: string, isUsed: boolean): RemoveConflict => ({
      error: conflict(`conflict: unable to delete ${shortImageId(id)} (${forced}) - ${reason}`),
      isUsed,
    });
    if (catalog.children(id).length > 0) {
      return against("cannot be forced", "image has dependent child images", false);
    }
    const using = users.of(id);
    const running = using.find(({ isRunning }) => isRunning);
    if (running !== undefined) {
      const reason = `image is being used by running container ${shortId(running.containerId)}`;
      return against("cannot be forced", reason, true);
    }
    if (mask.names && catalog.namesOf(id).length > 0) {
      return against("must be forced", "image is referenced in multiple repositories", false);
    }
    const stopped = mask.stopped ? using[0] : undefined;
    if (stopped !== undefined) {
      const reason = `image is being used by stopped container ${shortId(stopped.containerId)}`;
      return against("must be forced", reason, true);
    }
    return undefined;
  }
}

/** OCI image-spec, config.md, "Layer ChainID". */
function chainIds(layers: readonly DiffId[]): { diffId: DiffId; chainId: Digest }[] {
  let below: Digest | undefined;
  return layers.map((diffId) => {
    below = below === undefined ? diffId : digestOf(`${below} ${diffId}`);
    return { diffId, chainId: below };
  });
}

/** At most one tag, and digests only of its repository. */
function isSingleName(names: readonly { name: string; isDigest: boolean }[]): boolean {
  if (names.length <= 1) return true;
  const tags = names.filter(({ isDigest }) => !isDigest);
  if (tags.length > 1) return false;
  const repositories = new Set(names.map(({ name }) => repositoryOf(parseImageName(name))));
  return repositories.size === 1;
}
