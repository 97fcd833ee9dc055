import type { Digest } from "../../lib/index.ts";
import type { Database } from "../../store/index.ts";
import type { ImageChangeSummary, ImageMove } from "../../wire/index.ts";

const STEPS = [
  `CREATE TABLE images_versions (
     /* In full: docker.io/library/debian:12; a digest's name only where somebody pulled by it. */
     name TEXT NOT NULL,
     number INTEGER NOT NULL,
     time_ms INTEGER NOT NULL,
     /* No reference: a version outlives its image. NULL: the name was removed. */
     image TEXT,
     image_before TEXT,
     user TEXT NOT NULL,
     client TEXT NOT NULL,
     how TEXT NOT NULL,
     size_bytes INTEGER NOT NULL,
     layers INTEGER NOT NULL,
     changes TEXT,
     PRIMARY KEY (name, number)
   ) STRICT, WITHOUT ROWID;`,
  "CREATE INDEX images_versions_by_image ON images_versions (image)",
  // What names pointed at when berth began to record their moves.
  `INSERT INTO images_versions (name, number, time_ms, image, user, client, how, size_bytes, layers)
   SELECT name, 1, coalesce(unixepoch(last_tagged), unixepoch()) * 1000, image, '', '', '{"Kind":"earlier"}',
     (SELECT coalesce(sum(content_bytes), 0) FROM images_stacks JOIN images_layers USING (diff_id) WHERE image = images.id),
     (SELECT count(*) FROM images_stacks WHERE image = images.id)
   FROM images_names JOIN images ON images.id = image WHERE is_digest = 0`,
];

/** One move of a name, as it is kept. */
export interface VersionRecord {
  readonly name: string;
  /** Of the name, from 1 on. */
  readonly number: number;
  readonly timeMs: number;
  readonly image: Digest | undefined;
  readonly before: Digest | undefined;
  readonly user: string;
  readonly client: string;
  readonly how: ImageMove;
  readonly sizeBytes: number;
  readonly layers: number;
  /** Against the version before; undefined where there is none to compare with. */
  readonly changes: ImageChangeSummary | undefined;
}

interface VersionRow {
  name: string;
  number: number;
  time_ms: number;
  image: Digest | null;
  image_before: Digest | null;
  user: string;
  client: string;
  how: string;
  size_bytes: number;
  layers: number;
  changes: string | null;
}

/** Rows of the database and nothing else: which version is wanted, others know. */
export class VersionRecords {
  readonly #db: Database;

  /** To be made after the catalog, whose tables the first step reads. */
  constructor(db: Database) {
    this.#db = db;
    db.migrate("images_versions", STEPS);
  }

  /** Newest first. */
  of(name: string): VersionRecord[] {
    return this.#db
      .all<VersionRow>("SELECT * FROM images_versions WHERE name = ? ORDER BY number DESC", name)
      .map(recordOf);
  }

  last(name: string): VersionRecord | undefined {
    const row = this.#db.get<VersionRow>(
      "SELECT * FROM images_versions WHERE name = ? ORDER BY number DESC LIMIT 1",
      name,
    );
    return row && recordOf(row);
  }

  /** With the next number of its name. @returns it */
  add(version: Omit<VersionRecord, "number">): number {
    const { name, timeMs, image, before, user, client, how, sizeBytes, layers, changes } = version;
    const number = (this.last(name)?.number ?? 0) + 1;
    this.#db.run(
      `INSERT INTO images_versions
       (name, number, time_ms, image, image_before, user, client, how, size_bytes, layers, changes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[name, number, timeMs, image ?? null, before ?? null, user, client, JSON.stringify(how)],
      ...[sizeBytes, layers, changes === undefined ? null : JSON.stringify(changes)],
    );
    return number;
  }

  remove(name: string, number: number): void {
    this.#db.run("DELETE FROM images_versions WHERE name = ? AND number = ?", name, number);
  }

  removeAll(name: string): void {
    this.#db.run("DELETE FROM images_versions WHERE name = ?", name);
  }

  /** In order. */
  names(): string[] {
    return this.#db
      .all<{ name: string }>("SELECT DISTINCT name FROM images_versions ORDER BY name")
      .map(({ name }) => name);
  }

  /** Names that point nowhere now, but for those that were removed last. */
  removedNames(keep: number): string[] {
    return this.#db
      .all<{ name: string }>(
        `SELECT name FROM images_versions AS one WHERE image IS NULL
         AND number = (SELECT max(number) FROM images_versions WHERE name = one.name)
         ORDER BY time_ms DESC LIMIT -1 OFFSET ?`,
        keep,
      )
      .map(({ name }) => name);
  }

  /** Images that some version is of; they may be gone. */
  images(): Digest[] {
    return this.#db
      .all<{ image: Digest }>("SELECT DISTINCT image FROM images_versions WHERE image IS NOT NULL")
      .map(({ image }) => image);
  }

  /** Names that have a version of the image, in order. */
  namesOf(image: Digest): string[] {
    return this.#db
      .all<{ name: string }>("SELECT DISTINCT name FROM images_versions WHERE image = ? ORDER BY name", image)
      .map(({ name }) => name);
  }
}

function recordOf(row: VersionRow): VersionRecord {
  return {
    name: row.name,
    number: row.number,
    timeMs: row.time_ms,
    image: row.image ?? undefined,
    before: row.image_before ?? undefined,
    user: row.user,
    client: row.client,
    how: JSON.parse(row.how) as ImageMove,
    sizeBytes: row.size_bytes,
    layers: row.layers,
    changes: row.changes === null ? undefined : (JSON.parse(row.changes) as ImageChangeSummary),
  };
}
