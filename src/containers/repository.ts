import { conflict, invalidParameter, notFound } from "../lib/index.ts";
import type { Database } from "../store/index.ts";
import type { ContainerRecord, ContainerStateRecord } from "./record.ts";

const STEPS = [
  `CREATE TABLE containers (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     status TEXT NOT NULL,
     created TEXT NOT NULL,
     definition TEXT NOT NULL,
     state TEXT NOT NULL
   ) STRICT`,
  `CREATE INDEX containers_status ON containers (status)`,
];

interface Row {
  definition: string;
  state: string;
}

/**
 * All containers. Everything is read from memory; the database is only written, so a list costs the same however
 * many rows there are on disk.
 *
 * A row has two JSON columns: what hardly ever changes, and the small state that changes with each start and
 * exit.
 */
export class Repository {
  readonly #db: Database;
  readonly #byId = new Map<string, ContainerRecord>();
  readonly #byName = new Map<string, ContainerRecord>();
  readonly #watchers = new Set<() => void>();
  /** Sorted, for look-ups by prefix. */
  #ids: string[] = [];

  constructor(db: Database) {
    this.#db = db;
    db.migrate("containers", STEPS);
    for (const row of db.all<Row>("SELECT definition, state FROM containers ORDER BY rowid")) {
      const definition = JSON.parse(row.definition) as Omit<ContainerRecord, "state">;
      this.#remember({ ...definition, state: JSON.parse(row.state) as ContainerStateRecord });
    }
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Oldest first. */
  all(): IterableIterator<ContainerRecord> {
    return this.#byId.values();
  }

  byId(id: string): ContainerRecord | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): ContainerRecord | undefined {
    return this.#byName.get(name);
  }

  /**
   * By full id, name (with or without its slash) or the beginning of an id, in this order, as Docker does.
   * @throws NotFound `No such container: x`; InvalidParameter where several ids begin so
   */
  find(reference: string): ContainerRecord {
    if (reference === "") throw invalidParameter("container name or ID cannot be empty");
    const exact = this.#byId.get(reference) ?? this.#byName.get(reference.replace(/^\//, ""));
    if (exact !== undefined) return exact;
    const matches = this.byPrefix(reference);
    if (matches.length > 1) throw invalidParameter(`multiple IDs found with provided prefix: ${reference}`);
    const only = matches[0];
    if (only === undefined) throw notFound(`No such container: ${reference}`);
    return only;
  }

  /** At most two: enough to know whether a prefix is ambiguous. */
  byPrefix(prefix: string): ContainerRecord[] {
    const from = this.#firstNotBefore(prefix);
    return this.#ids
      .slice(from, from + 2)
      .filter((id) => id.startsWith(prefix))
      .map((id) => this.#byId.get(id)!);
  }

  /** @throws Conflict where the name is taken */
  insert(record: ContainerRecord): void {
    this.assertNameFree(record.name);
    const { state, ...definition } = record;
    this.#db.run(
      "INSERT INTO containers (id, name, status, created, definition, state) VALUES (?, ?, ?, ?, ?, ?)",
      record.id,
      record.name,
      state.status,
      record.created,
      JSON.stringify(definition),
      JSON.stringify(state),
    );
    this.#remember(record);
  }

  /** Writes what changed with a start, an exit, a pause. */
  saveState(record: ContainerRecord): void {
    if (this.#byId.get(record.id) !== record) return;
    this.#db.run(
      "UPDATE containers SET status = ?, state = ? WHERE id = ?",
      record.state.status,
      JSON.stringify(record.state),
      record.id,
    );
    this.#tellWatchers();
  }

  /** All that `work` writes is kept, or nothing of it. */
  atOnce(work: () => void): void {
    this.#db.write(work);
  }

  /** Writes everything but the name. */
  save(record: ContainerRecord): void {
    if (this.#byId.get(record.id) !== record) return;
    const { state, ...definition } = record;
    this.#db.run(
      "UPDATE containers SET status = ?, definition = ?, state = ? WHERE id = ?",
      state.status,
      JSON.stringify(definition),
      JSON.stringify(state),
      record.id,
    );
    this.#tellWatchers();
  }

  /** @throws Conflict where the name is taken */
  rename(record: ContainerRecord, name: string): void {
    this.assertNameFree(name);
    const old = record.name;
    record.name = name;
    try {
      const { state: _, ...definition } = record;
      this.#db.run(
        "UPDATE containers SET name = ?, definition = ? WHERE id = ?",
        name,
        JSON.stringify(definition),
        record.id,
      );
    } catch (error) {
      record.name = old;
      throw error;
    }
    this.#byName.delete(old);
    this.#byName.set(name, record);
  }

  /** Idempotent. */
  delete(record: ContainerRecord): void {
    if (this.#byId.get(record.id) !== record) return;
    this.#db.run("DELETE FROM containers WHERE id = ?", record.id);
    this.#byId.delete(record.id);
    this.#byName.delete(record.name);
    const at = this.#firstNotBefore(record.id);
    if (this.#ids[at] === record.id) this.#ids.splice(at, 1);
    this.#tellWatchers();
  }

  /** Calls back after each change of a container's state, and when one is gone. */
  watch(changed: () => void): Disposable {
    this.#watchers.add(changed);
    return { [Symbol.dispose]: () => void this.#watchers.delete(changed) };
  }

  #tellWatchers(): void {
    for (const changed of [...this.#watchers]) changed();
  }

  /**
   * Resolves when all that was saved survives a power cut. Not awaited for `--rm`: such a container ends with
   * the power.
   */
  async durable(record: ContainerRecord): Promise<void> {
    if (record.host.AutoRemove !== true) await this.#db.durable();
  }

  assertNameFree(name: string): void {
    const holder = this.#byName.get(name);
    if (holder === undefined) return;
    throw conflict(
      `Conflict. The container name "/${name}" is already in use by container "${holder.id}". ` +
        "You have to remove (or rename) that container to be able to reuse that name.",
    );
  }

  #remember(record: ContainerRecord): void {
    this.#byId.set(record.id, record);
    this.#byName.set(record.name, record);
    this.#ids.splice(this.#firstNotBefore(record.id), 0, record.id);
  }

  #firstNotBefore(id: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ids[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
