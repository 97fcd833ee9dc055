import { type SQLQueryBindings, Database as Sqlite } from "bun:sqlite";
import { closeSync, constants, fdatasync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, systemError } from "../lib/index.ts";

export type SqlValue = string | number | bigint | boolean | null | Uint8Array;

export interface DatabaseOptions {
  /** Makes a file's content durable; tests count its calls. */
  sync?: (fd: number) => Promise<void>;
}

const fdatasyncInThreadPool = (fd: number) =>
  new Promise<void>((resolve, reject) => fdatasync(fd, (error) => (error ? reject(error) : resolve())));

/**
 * All of the engine's state in one SQLite file.
 *
 * Two promises, kept apart because they cost a thousandfold differently. `write` is atomic and survives the
 * death of this process at any instant: SQLite's write-ahead log with `synchronous=NORMAL` hands the bytes
 * to the kernel and never leaves a half transaction. `durable` is what survives a power cut: it syncs the
 * log, off the main thread, once for everybody who waits at that moment.
 */
export class Database {
  readonly #sqlite: Sqlite;
  /** The write-ahead log. It exists, as the same file, for as long as the database is open. */
  readonly #walFd: number | undefined;
  readonly #sync: (fd: number) => Promise<void>;
  /** How many transactions were committed, and how many of them are known to be on disk. */
  #committed = 0;
  #synced = 0;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;
  #depth = 0;
  #closed = false;

  private constructor(sqlite: Sqlite, walFd: number | undefined, sync: (fd: number) => Promise<void>) {
    this.#sqlite = sqlite;
    this.#walFd = walFd;
    this.#sync = sync;
  }

  /**
   * Opens or creates the file, readable by its owner only. `:memory:` gives a database that dies with the object.
   * @throws System where the file is damaged, not a database, or locked by somebody else.
   */
  static open(path: string, options: DatabaseOptions = {}): Database {
    const inMemory = path === ":memory:";
    try {
      // SQLite gives its log the mode of the main file, which the umask must not have widened.
      if (!inMemory) closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
      const sqlite = new Sqlite(path, { create: true, strict: true });
      sqlite.run("PRAGMA busy_timeout = 5000");
      sqlite.run("PRAGMA journal_mode = WAL");
      sqlite.run("PRAGMA synchronous = NORMAL");
      sqlite.run("PRAGMA foreign_keys = ON");
      // Everything fits; what SQLite caches beyond this only adds to the daemon's resident memory.
      sqlite.run("PRAGMA cache_size = -2000");
      sqlite.run(
        "CREATE TABLE IF NOT EXISTS migrations (room TEXT PRIMARY KEY, steps INTEGER NOT NULL) STRICT",
      );
      if (inMemory) return new Database(sqlite, undefined, async () => {});
      syncDirectoryOf(path);
      return new Database(
        sqlite,
        openSync(`${path}-wal`, constants.O_RDWR),
        options.sync ?? fdatasyncInThreadPool,
      );
    } catch (error) {
      throw systemError(`cannot open the database ${path}: ${messageOf(error)}`, error);
    }
  }

  /** Moves the log into the main file and closes. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sqlite.close();
    // A sync may still be running on it.
    const wal = this.#walFd;
    if (wal !== undefined)
      void (this.#nextSync ?? this.#syncing ?? Promise.resolve()).catch(() => {}).then(() => closeSync(wal));
  }

  /**
   * Brings a room's tables to their newest form: runs, once and in order, the steps that this file has not
   * seen. Steps are only ever appended; tables begin with the room's name.
   * @throws System where the file was written by a newer version, which knows steps that we don't.
   */
  migrate(room: string, steps: readonly string[]): void {
    const done = this.get<{ steps: number }>("SELECT steps FROM migrations WHERE room = ?", room)?.steps ?? 0;
    if (done > steps.length) {
      throw systemError(
        `the data of ${room} was written by a newer version of berth; upgrade, or use another data root`,
      );
    }
    if (done === steps.length) return;
    this.write(() => {
      for (const step of steps.slice(done)) this.#sqlite.run(step);
      this.run("INSERT OR REPLACE INTO migrations (room, steps) VALUES (?, ?)", room, steps.length);
    });
  }

  /**
   * Runs `work` as one transaction: all of it is kept, or, where it throws, none. Inside another `write` it
   * becomes part of that one. `work` must be synchronous.
   */
  write<T>(work: () => T): T {
    if (this.#depth > 0) return this.#savepoint(work);
    this.#exec("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = work();
      this.#exec("COMMIT");
      this.#committed++;
      return result;
    } catch (error) {
      if (this.#sqlite.inTransaction) this.#exec("ROLLBACK");
      throw error;
    } finally {
      this.#depth--;
    }
  }

  #savepoint<T>(work: () => T): T {
    const name = `nested${this.#depth}`;
    this.#exec(`SAVEPOINT ${name}`);
    this.#depth++;
    try {
      const result = work();
      this.#exec(`RELEASE ${name}`);
      return result;
    } catch (error) {
      if (this.#sqlite.inTransaction) {
        this.#exec(`ROLLBACK TO ${name}`);
        this.#exec(`RELEASE ${name}`);
      }
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /**
   * Resolves when everything that was written before the call is on disk. Callers that wait at the same time
   * share one sync.
   * @throws System where the disk refuses.
   */
  durable(): Promise<void> {
    if (this.#synced === this.#committed) return Promise.resolve();
    if (this.#syncing === undefined) return this.#startSync();
    // The sync under way may have begun before our write: only the one after it is sure to contain it.
    this.#nextSync ??= this.#syncing
      .catch(() => {})
      .then(() => {
        this.#nextSync = undefined;
        return this.#startSync();
      });
    return this.#nextSync;
  }

  #startSync(): Promise<void> {
    const target = this.#committed;
    const sync = this.#walFd === undefined ? Promise.resolve() : this.#sync(this.#walFd);
    this.#syncing = sync
      .then(
        () => {
          this.#synced = Math.max(this.#synced, target);
        },
        (error: unknown) => {
          throw systemError(`cannot write the database to disk: ${messageOf(error)}`, error);
        },
      )
      .finally(() => {
        this.#syncing = undefined;
      });
    return this.#syncing;
  }

  /** The first row, if there is one. */
  get<Row>(sql: string, ...params: SqlValue[]): Row | undefined {
    return (this.#sqlite.query<Row, SQLQueryBindings[]>(sql).get(...params) as Row | null) ?? undefined;
  }

  all<Row>(sql: string, ...params: SqlValue[]): Row[] {
    return this.#sqlite.query<Row, SQLQueryBindings[]>(sql).all(...params) as Row[];
  }

  /** One statement; outside of `write` it is a transaction by itself. */
  run(sql: string, ...params: SqlValue[]): void {
    this.#sqlite.query<unknown, SQLQueryBindings[]>(sql).run(...params);
    if (this.#depth === 0) this.#committed++;
  }

  #exec(sql: string): void {
    this.#sqlite.query(sql).run();
  }
}

/** So that the database's own name survives a power cut. */
function syncDirectoryOf(path: string): void {
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
