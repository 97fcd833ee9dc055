import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CacheSharing } from "../../lib/dockerfile/index.ts";
import { digestHex, digestOf } from "../../lib/index.ts";
import { treeBytes } from "../../linux/index.ts";
import type { Database } from "../../store/index.ts";
import type { CacheRecordSummary } from "../builder-contract.ts";
import { newCacheId } from "./cache-id.ts";
import type { CacheStock } from "./stock.ts";

/** Which cache a `RUN --mount=type=cache` wants. */
export interface CacheMountRequest {
  /** Says which one it is: the mount's id and, where it has a source, what of. */
  readonly id: string;
  readonly sharing: CacheSharing;
  /** For `builder du`: `cached mount /root/.npm from exec npm ci`. */
  readonly description: string;
  /** Fills a new cache, an empty directory of root's with mode 0755. Where it throws, nothing stays. */
  readonly create?: (directory: string, signal: AbortSignal) => Promise<void>;
}

/** A cache that is in use until it is disposed of. */
export interface CacheMount extends AsyncDisposable {
  readonly directory: string;
}

/** The directories that steps keep between builds. */
export interface CacheMounts {
  /**
   * `shared`: together with all others that share it. `private`: nobody else uses it meanwhile; where all of this id
   * are in use, it is a new one. `locked`: waits until nobody else uses it. (BuildKit's `cacheRefGetter`.)
   */
  acquire(request: CacheMountRequest, signal: AbortSignal): Promise<CacheMount>;
}

interface MountRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly size: number;
  readonly created_ms: number;
  readonly used_ms: number;
  readonly uses: number;
}

/** How a directory is used right now. */
interface Usage {
  /** `filling`: it is new, and will be shared when its files are there. */
  readonly sharing: "shared" | "exclusive" | "filling";
  users: number;
}

const STEPS = [
  `CREATE TABLE build_mounts (
     id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, size INTEGER NOT NULL,
     created_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL, uses INTEGER NOT NULL, filled INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX build_mounts_by_name ON build_mounts (name)`,
];

/** Cache mounts as directories, each with a record; several of one name where steps wanted them for themselves. */
export class CacheMountStore implements CacheMounts, CacheStock {
  readonly #database: Database;
  readonly #directory: string;
  readonly #discard: (path: string) => Promise<void>;
  readonly #usage = new Map<string, Usage>();
  /** Directories whose size is not known since they were used last. */
  readonly #unmeasured = new Set<string>();
  /** Steps that wait for one of a name, in order. */
  readonly #waiting = new Map<string, (() => void)[]>();

  /**
   * @param directory exists and is this store's own
   * @param discard deletes a tree, in its own time
   */
  constructor(database: Database, directory: string, discard: (path: string) => Promise<void>) {
    this.#database = database;
    this.#directory = directory;
    this.#discard = discard;
    database.migrate("build_mounts", STEPS);
  }

  /** At the daemon's start: directories without a record go, and records without a directory. */
  async sweep(): Promise<void> {
    this.#database.run("DELETE FROM build_mounts WHERE filled = 0");
    const found = new Set(await readdir(this.#directory));
    for (const { id } of this.#rows()) {
      if (!found.delete(id)) this.#database.run("DELETE FROM build_mounts WHERE id = ?", id);
      // A crash may have come before it was measured.
      else this.#unmeasured.add(id);
    }
    await Promise.all([...found].map((name) => this.#discard(join(this.#directory, name))));
  }

  async acquire(request: CacheMountRequest, signal: AbortSignal): Promise<CacheMount> {
    // Names may hold anything and be of any length.
    const name = digestHex(digestOf(request.id));
    const wanted = request.sharing === "shared" ? "shared" : "exclusive";
    for (;;) {
      signal.throwIfAborted();
      const rows = this.#database.all<{ id: string }>(
        "SELECT id FROM build_mounts WHERE name = ? ORDER BY used_ms DESC",
        name,
      );
      const inUse = (sharing: Usage["sharing"]) =>
        rows.find(({ id }) => this.#usage.get(id)?.sharing === sharing);
      const usable =
        (wanted === "shared" ? inUse("shared") : undefined) ?? rows.find(({ id }) => !this.#usage.has(id));
      if (usable !== undefined) return this.#use(usable.id, name, wanted);
      const waits =
        request.sharing === "locked"
          ? rows.length > 0
          : wanted === "shared" && inUse("filling") !== undefined;
      if (!waits) return await this.#create(name, request, signal);
      await this.#freed(name, signal);
    }
  }

  async #create(name: string, request: CacheMountRequest, signal: AbortSignal): Promise<CacheMount> {
    const id = newCacheId();
    const now = Date.now();
    this.#database.run(
      "INSERT INTO build_mounts VALUES (?, ?, ?, 0, ?, ?, 0, 0)",
      ...[id, name, request.description, now, now],
    );
    const filling = this.#use(id, name, request.sharing === "shared" ? "filling" : "exclusive");
    try {
      await mkdir(filling.directory, { mode: 0o755 });
      await request.create?.(filling.directory, signal);
    } catch (error) {
      this.#database.run("DELETE FROM build_mounts WHERE id = ?", id);
      await filling[Symbol.asyncDispose]();
      await this.#discard(filling.directory);
      throw error;
    }
    this.#database.run("UPDATE build_mounts SET filled = 1 WHERE id = ?", id);
    if (request.sharing === "shared") {
      this.#usage.set(id, { sharing: "shared", users: 1 });
      this.#wake(name);
    }
    return filling;
  }

  #use(id: string, name: string, sharing: Usage["sharing"]): CacheMount {
    const usage = this.#usage.get(id);
    if (usage === undefined) this.#usage.set(id, { sharing, users: 1 });
    else usage.users++;
    this.#database.run("UPDATE build_mounts SET used_ms = ?, uses = uses + 1 WHERE id = ?", Date.now(), id);
    let isHeld = true;
    return {
      directory: join(this.#directory, id),
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        const current = this.#usage.get(id)!;
        this.#unmeasured.add(id);
        if (--current.users > 0) return;
        this.#usage.delete(id);
        this.#database.run("UPDATE build_mounts SET used_ms = ? WHERE id = ?", Date.now(), id);
        this.#wake(name);
      },
    };
  }

  #freed(name: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, queue);
      const wake = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        queue.splice(queue.indexOf(wake), 1);
        reject(signal.reason);
      };
      queue.push(wake);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  /** All look again: which of them may go on depends on what they want. */
  #wake(name: string): void {
    const queue = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    for (const wake of queue) wake();
  }

  #rows(): MountRow[] {
    return this.#database.all<MountRow>("SELECT * FROM build_mounts");
  }

  async list(): Promise<readonly CacheRecordSummary[]> {
    for (const id of [...this.#unmeasured]) await this.#measure(id);
    return this.#rows().map((row) => ({
      id: row.id,
      parents: [],
      type: "exec.cachemount",
      description: row.description,
      inUse: this.#usage.has(row.id),
      shared: false,
      sizeBytes: row.size,
      createdAt: new Date(row.created_ms),
      lastUsedAt: row.uses === 0 ? undefined : new Date(row.used_ms),
      usageCount: row.uses,
    }));
  }

  async #measure(id: string): Promise<void> {
    // One that is in use changes on; it is measured again when it is let go.
    this.#unmeasured.delete(id);
    const size = await treeBytes(join(this.#directory, id)).catch(() => 0);
    this.#database.run("UPDATE build_mounts SET size = ? WHERE id = ?", size, id);
  }

  async remove(ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const removed = new Set<string>();
    for (const { id } of this.#rows()) {
      if (!ids.has(id) || this.#usage.has(id)) continue;
      this.#database.run("DELETE FROM build_mounts WHERE id = ?", id);
      this.#unmeasured.delete(id);
      removed.add(id);
      await this.#discard(join(this.#directory, id));
    }
    return removed;
  }
}
