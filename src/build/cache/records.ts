import { type Digest, log, messageOf } from "../../lib/index.ts";
import type { Database } from "../../store/index.ts";
import type { CacheRecordSummary } from "../builder-contract.ts";
import type { DiffId, Layers } from "../ports.ts";
import { newCacheId } from "./cache-id.ts";
import { STACKS_TABLE, Stacks } from "./stacks.ts";
import type { CacheStock } from "./stock.ts";

/** The result of a step, as it is remembered. */
export interface CacheRecord {
  readonly id: string;
  readonly layers: readonly DiffId[];
  readonly createdMs: number;
}

export interface NewCacheRecord {
  readonly key: Digest;
  readonly layers: readonly DiffId[];
  /** Those among them that came with this step. */
  readonly newLayers: readonly DiffId[];
  /** Records of what it was made from. */
  readonly parents: readonly string[];
  /** BuildKit's: `regular`, `internal`. */
  readonly type: string;
  readonly description: string;
  readonly createdMs: number;
}

/** A record whose layers are held until it is disposed of. */
export interface HeldRecord extends Disposable {
  readonly record: CacheRecord;
}

interface RecordRow {
  readonly id: string;
  readonly key: Digest;
  readonly stack: number;
  readonly new_layers: string;
  readonly parents: string;
  readonly type: string;
  readonly description: string;
  readonly size: number;
  readonly created_ms: number;
  readonly used_ms: number | null;
  readonly uses: number;
}

const STEPS = [
  `CREATE TABLE build_records (
     id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, layers TEXT NOT NULL, new_layers TEXT NOT NULL,
     parents TEXT NOT NULL, type TEXT NOT NULL, description TEXT NOT NULL, size INTEGER NOT NULL,
     created_ms INTEGER NOT NULL, used_ms INTEGER, uses INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
  // What the cache held before was written in full, stack by stack: it is forgotten.
  "DROP TABLE build_records",
  STACKS_TABLE,
  `CREATE TABLE build_records (
     id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, stack INTEGER NOT NULL, new_layers TEXT NOT NULL,
     parents TEXT NOT NULL, type TEXT NOT NULL, description TEXT NOT NULL, size INTEGER NOT NULL,
     created_ms INTEGER NOT NULL, used_ms INTEGER, uses INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
];

/** How long uses are counted before they are written down. */
const TOUCH_MS = 1_000;
const NOTHING: ReadonlySet<DiffId> = new Set();

/**
 * What steps came to, by their keys. A record pins its layers: they are there for as long as it is. A record may get lost, which
 * costs time; it never names layers that are not its key's.
 */
export class CacheRecords implements CacheStock {
  readonly #database: Database;
  readonly #layers: Layers;
  readonly #stacks: Stacks;
  /** How many builds hold a record's result. */
  readonly #users = new Map<string, number>();
  /** Uses that are not written down yet. */
  readonly #touched = new Map<string, { readonly count: number; readonly lastMs: number }>();
  #touchTimer: Timer | undefined;

  constructor(database: Database, layers: Layers) {
    this.#database = database;
    this.#layers = layers;
    database.migrate("build_records", STEPS);
    this.#stacks = new Stacks(database, layers);
  }

  /** At the daemon's start: records whose layers are gone go as well. */
  sweep(): void {
    const isHere = new Map<DiffId, boolean>();
    const check = (layer: DiffId) => {
      const known = isHere.get(layer);
      if (known !== undefined) return known;
      const found = this.#has(layer);
      isHere.set(layer, found);
      return found;
    };
    const broken = this.#rows().filter(({ stack }) => this.#stacks.layersOf(stack)?.every(check) !== true);
    if (broken.length > 0) this.#delete(broken.map(({ id }) => id));
  }

  #has(layer: DiffId): boolean {
    try {
      this.#layers.size(layer);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * The record of a key. One whose layers turn out to be missing is removed.
   * @param below layers that whoever asks holds for as long
   */
  async find(key: Digest, below: ReadonlySet<DiffId> = NOTHING): Promise<HeldRecord | undefined> {
    const row = this.#database.get<Pick<RecordRow, "id" | "stack" | "created_ms">>(
      "SELECT id, stack, created_ms FROM build_records WHERE key = ?",
      key,
    );
    if (row === undefined) return undefined;
    // It is in use from here on, so that nobody removes it while its layers are looked for.
    const release = this.#use(row.id);
    try {
      const layers = this.#stacks.layersOf(row.stack);
      if (layers === undefined) throw new Error("a record of the build cache names no layers");
      const held = await this.#layers.hold(layers.filter((layer) => !below.has(layer)));
      return {
        record: { id: row.id, layers, createdMs: row.created_ms },
        [Symbol.dispose]: () => {
          held[Symbol.dispose]();
          release();
        },
      };
    } catch {
      release();
      this.#delete([row.id]);
      return undefined;
    }
  }

  /** Whether there is a record of a key, be its layers there or not. */
  has(key: Digest): boolean {
    return this.#database.get("SELECT 1 FROM build_records WHERE key = ?", key) !== undefined;
  }

  /** Remembers a result whose layers the caller holds; an older one of the same key is forgotten. */
  add(added: NewCacheRecord): CacheRecord {
    const { key, layers, newLayers, parents, type, description, createdMs } = added;
    const id = newCacheId();
    const size = newLayers.reduce((bytes, layer) => bytes + this.#layers.size(layer), 0);
    const texts = [newLayers, parents].map((list) => JSON.stringify(list));
    this.#write(() => {
      const former = this.#database.get<{ id: string }>("SELECT id FROM build_records WHERE key = ?", key);
      // Before the other goes, so that what both have in common stays.
      const stack = this.#stacks.add(layers);
      if (former !== undefined) this.#remove(former.id);
      this.#database.run(
        "INSERT INTO build_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0)",
        ...[id, key, stack, ...texts, type, description, size, createdMs],
      );
    });
    return { id, layers, createdMs };
  }

  /** A result is in use until the returned function is called. */
  use(id: string): () => void {
    return this.#use(id);
  }

  #use(id: string): () => void {
    this.#users.set(id, (this.#users.get(id) ?? 0) + 1);
    let isUsed = true;
    return () => {
      if (!isUsed) return;
      isUsed = false;
      const users = this.#users.get(id)! - 1;
      if (users > 0) this.#users.set(id, users);
      else this.#users.delete(id);
    };
  }

  /** Counts a build's uses; written down in a while, for all builds since, as no build waits for it. */
  touch(ids: Iterable<string>): void {
    const now = Date.now();
    for (const id of ids) {
      this.#touched.set(id, { count: (this.#touched.get(id)?.count ?? 0) + 1, lastMs: now });
    }
    this.#touchTimer ??= setTimeout(() => {
      try {
        this.flush();
      } catch (error) {
        log.debug("cannot count uses of the build cache", { error: messageOf(error) });
      }
    }, TOUCH_MS).unref();
  }

  /** Writes down what was counted. */
  flush(): void {
    clearTimeout(this.#touchTimer);
    this.#touchTimer = undefined;
    if (this.#touched.size === 0) return;
    const touched = [...this.#touched];
    this.#touched.clear();
    this.#database.write(() => {
      for (const [id, { count, lastMs }] of touched) {
        this.#database.run(
          "UPDATE build_records SET used_ms = ?, uses = uses + ? WHERE id = ?",
          ...[lastMs, count, id],
        );
      }
    });
  }

  async list(): Promise<readonly CacheRecordSummary[]> {
    this.flush();
    return this.#rows().map((row) => ({
      id: row.id,
      parents: JSON.parse(row.parents) as string[],
      type: row.type,
      description: row.description,
      inUse: this.#users.has(row.id),
      shared: (JSON.parse(row.new_layers) as DiffId[]).some((layer) => this.#layers.isInImage(layer)),
      sizeBytes: row.size,
      createdAt: new Date(row.created_ms),
      lastUsedAt: row.used_ms === null ? undefined : new Date(row.used_ms),
      usageCount: row.uses,
    }));
  }

  async remove(ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const removed = [...ids].filter(
      (id) =>
        !this.#users.has(id) &&
        this.#database.get("SELECT 1 FROM build_records WHERE id = ?", id) !== undefined,
    );
    if (removed.length > 0) this.#delete(removed);
    return new Set(removed);
  }

  /** How many bytes all records name, without looking who else needs them. */
  totalBytes(): number {
    return (
      this.#database.get<{ bytes: number | null }>("SELECT sum(size) AS bytes FROM build_records")?.bytes ?? 0
    );
  }

  #rows(): RecordRow[] {
    return this.#database.all<RecordRow>("SELECT * FROM build_records");
  }

  #delete(ids: readonly string[]): void {
    this.#write(() => {
      for (const id of ids) this.#remove(id);
    });
  }

  #remove(id: string): void {
    const row = this.#database.get<{ stack: number }>("SELECT stack FROM build_records WHERE id = ?", id);
    if (row === undefined) return;
    this.#database.run("DELETE FROM build_records WHERE id = ?", id);
    this.#stacks.remove(row.stack);
  }

  #write(work: () => void): void {
    try {
      this.#database.write(work);
    } catch (error) {
      this.#stacks.forget();
      throw error;
    }
  }
}
