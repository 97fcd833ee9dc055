import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { log, messageOf, newId } from "../../lib/index.ts";
import { openRoot } from "../../linux/index.ts";

/** What is written beside a kept directory. */
interface Label {
  readonly key: string;
  readonly description: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly usageCount: number;
  /** Whatever the owner wants to know of it again. */
  readonly facts: Readonly<Record<string, string>>;
}

/** A directory that was taken from a shelf, for one user alone or for many. */
export interface Place {
  readonly id: string;
  readonly path: string;
  readonly facts: Readonly<Record<string, string>>;
  /** Whether there was nothing on it before. */
  readonly isNew: boolean;
}

interface Entry {
  readonly id: string;
  label: Label;
  users: number;
  alone: boolean;
}

/** Beyond these, what was not used for longest goes, unless it is in use. */
const ENTRIES_MAX = 200;

/**
 * Directories that outlive a build, by key: copies of clients' folders, downloads, repositories. One daemon has the parent to itself.
 * What is on the shelf is a copy and may be lost: nothing waits for the disk, and what has no readable label is thrown away.
 */
export class Shelf {
  readonly #root: string;
  readonly #entries = new Map<string, Entry>();

  private constructor(root: string) {
    this.#root = root;
  }

  /** @param root is made where it is missing, for root only */
  static async open(root: string): Promise<Shelf> {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const shelf = new Shelf(root);
    for (const name of readdirSync(root)) {
      if (name.endsWith(".json")) continue;
      const label = shelf.#readLabel(name);
      if (label === undefined) await shelf.#throwAway(name);
      else shelf.#entries.set(name, { id: name, label, users: 0, alone: false });
    }
    return shelf;
  }

  /** A directory of this key that nobody uses, or a new and empty one; nobody else gets it until it is given back. */
  async takeAlone(key: string, description: string): Promise<Place> {
    const free = this.#newestFirst().find(({ label, users }) => label.key === hashOf(key) && users === 0);
    const entry = free ?? this.#add(key, description);
    entry.users = 1;
    entry.alone = true;
    if (free === undefined) await this.#limit();
    return this.#placeOf(entry, free === undefined);
  }

  /** The newest directory of this key, which others may have, too; undefined where there is none. */
  takeShared(key: string): Place | undefined {
    const entry = this.#newestFirst().find(({ label, alone }) => label.key === hashOf(key) && !alone);
    if (entry === undefined) return undefined;
    entry.users++;
    return this.#placeOf(entry, false);
  }

  /** From now on others may have it too; what is known of it is kept with it. */
  share(id: string, facts: Readonly<Record<string, string>>): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.alone = false;
    entry.label = { ...entry.label, facts };
    this.#writeLabel(entry);
  }

  /** It is found by another key from now on. */
  rename(id: string, key: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.label = { ...entry.label, key: hashOf(key) };
  }

  giveBack(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.users--;
    if (entry.users === 0) entry.alone = false;
    entry.label = { ...entry.label, lastUsedAt: Date.now(), usageCount: entry.label.usageCount + 1 };
    this.#writeLabel(entry);
  }

  /** Gives it back and throws it away. */
  async discard(id: string): Promise<void> {
    this.#entries.delete(id);
    await this.#throwAway(id);
  }

  list(): readonly (Label & { readonly id: string; readonly path: string; readonly inUse: boolean })[] {
    return [...this.#entries.values()].map(({ id, label, users }) => ({
      ...label,
      id,
      path: join(this.#root, id),
      inUse: users > 0,
    }));
  }

  #newestFirst(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => b.label.lastUsedAt - a.label.lastUsedAt);
  }

  #placeOf({ id, label }: Entry, isNew: boolean): Place {
    return { id, path: join(this.#root, id), facts: label.facts, isNew };
  }

  #add(key: string, description: string): Entry {
    const id = newId().slice(0, 32);
    const now = Date.now();
    const label = {
      key: hashOf(key),
      description,
      createdAt: now,
      lastUsedAt: now,
      usageCount: 0,
      facts: {},
    };
    mkdirSync(join(this.#root, id), { mode: 0o755 });
    const entry = { id, label, users: 0, alone: true };
    this.#entries.set(id, entry);
    return entry;
  }

  async #limit(): Promise<void> {
    const unused = this.#newestFirst().filter(({ users }) => users === 0);
    for (const { id } of unused.slice(Math.max(0, unused.length - (this.#entries.size - ENTRIES_MAX)))) {
      if (this.#entries.size > ENTRIES_MAX) await this.discard(id);
    }
  }

  #readLabel(id: string): Label | undefined {
    try {
      const label = JSON.parse(readFileSync(join(this.#root, `${id}.json`), "utf8")) as Label;
      return typeof label.key === "string" && typeof label.lastUsedAt === "number" ? label : undefined;
    } catch {
      return undefined;
    }
  }

  #writeLabel({ id, label }: Entry): void {
    const path = join(this.#root, `${id}.json`);
    try {
      writeFileSync(`${path}.json`, JSON.stringify(label), { mode: 0o600 });
      renameSync(`${path}.json`, path);
    } catch (error) {
      log.debug("cannot keep the label of a build's source", { path, error: messageOf(error) });
    }
  }

  async #throwAway(name: string): Promise<void> {
    using root = openRoot(this.#root);
    await root.removeTree(`${name}.json`);
    await root.removeTree(name);
  }
}

const hashOf = (key: string) => createHash("sha256").update(key).digest("hex");
