import { type Digest, faultPoint, log, messageOf } from "../../lib/index.ts";
import type { ImageDeleteItem } from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import { type BegunRemoval, beginRemoval, finishRemovals } from "../remove.ts";
import type { VersionRecord } from "./records.ts";
import type { VersionLimits } from "./versions.ts";

/** Versions also go with time, when nothing moves. */
const EVERY_MS = 60 * 60 * 1000;
/** So many names that point nowhere any more keep their versions: those that were removed last. */
const REMOVED_NAMES_MAX = 1000;

/**
 * Keeps versions within their limits. A version that is too old, or one too many, goes, and its image with it where
 * nothing else needs that: so a name that is built anew every hour does not fill the disk.
 */
export class VersionKeeper {
  readonly #context: ImageContext;
  readonly #due = new Set<string>();
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(context: ImageContext) {
    this.#context = context;
    context.versions.whenMoved = (name) => {
      this.#due.add(name);
      this.#soon();
    };
  }

  /** Looks at all names, now and every hour. */
  start(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), EVERY_MS);
    this.#timer.unref();
  }

  /** The limits are other ones, or time has passed. */
  look(): void {
    for (const name of this.#context.versions.records.names()) this.#due.add(name);
    this.#soon();
  }

  /** Resolves when nothing is left to be done. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.settled();
  }

  /** After the transaction that is under way, beside whatever follows it. */
  #soon(): void {
    if (this.#closed || this.#due.size === 0) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#soon();
    });
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const names = [...this.#due];
    this.#due.clear();
    const { records } = this.#context.versions;
    try {
      const rows = [
        ...names.flatMap((name) => tooMany(this.#context, name)),
        ...records.removedNames(REMOVED_NAMES_MAX).flatMap((name) => records.of(name)),
      ];
      if (rows.length > 0) await forgetVersions(this.#context, rows);
    } catch (error) {
      log.warn("cannot remove versions of images", { error: messageOf(error) });
    }
  }
}

function tooMany({ versions: { records, limits } }: ImageContext, name: string): VersionRecord[] {
  const rows = records.of(name);
  if (limits.count > 0) return beyond(rows, limits, Date.now());
  // What was a version's stays, as it would with Docker.
  records.removeAll(name);
  return [];
}

/** Which versions, newest first, are too many or too old. The newest stays: it says where the name points. */
export function beyond(
  rows: readonly VersionRecord[],
  { count, ageMs }: VersionLimits,
  nowMs: number,
): VersionRecord[] {
  return rows.filter((_, at) => {
    if (at === 0) return false;
    const leftMs = rows[at - 1]!.timeMs;
    return at >= count || (ageMs !== undefined && nowMs - leftMs > ageMs);
  });
}

/**
 * Forgets versions, and in the same step removes those of their images that are here for nothing any more, with what was kept
 * for these alone.
 * @returns what `rmi` would say
 */
export async function forgetVersions(
  context: ImageContext,
  rows: readonly VersionRecord[],
): Promise<ImageDeleteItem[]> {
  const removals = context.catalog.write(() => {
    for (const { name, number } of rows) context.versions.records.remove(name, number);
    faultPoint("versions-forgotten");
    const images = new Set(rows.flatMap(({ image }) => (image === undefined ? [] : [image])));
    return [...images].flatMap((image) => beginUnneeded(context, image));
  });
  faultPoint("versions-removed");
  return await finishRemovals(context, removals);
}

/** The image, then what it was made from, as far as nothing needs them. */
function beginUnneeded(context: ImageContext, image: Digest): BegunRemoval[] {
  const removals: BegunRemoval[] = [];
  for (let id: Digest | undefined = image; id !== undefined && !isNeeded(context, id); ) {
    const parent: Digest | undefined = context.catalog.get(id)?.parent;
    removals.push(beginRemoval(context, id, { force: true, noPrune: true }));
    id = parent;
  }
  return removals;
}

function isNeeded(context: ImageContext, id: Digest): boolean {
  return isNeededBesideVersions(context, id) || context.versions.records.namesOf(id).length > 0;
}

/**
 * Whether something else than a version wants the image: a tag, a container, an image made from it, or somebody who pulled it
 * by its digest. A digest that only came along with a tag is none of these.
 */
export function isNeededBesideVersions(
  { catalog, users, versions: { records } }: ImageContext,
  id: Digest,
): boolean {
  if (catalog.get(id) === undefined) return true;
  return (
    catalog.namesOf(id).some(({ name, isDigest }) => !isDigest || records.last(name) !== undefined) ||
    users.count(id) > 0 ||
    catalog.isUnderSnapshot(id) ||
    catalog.children(id).length > 0
  );
}
