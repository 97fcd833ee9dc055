import { type Digest, digestOf } from "../../lib/index.ts";
import type { Database } from "../../store/index.ts";

const STEPS = [
  `CREATE TABLE build_provenance (
     number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, image TEXT NOT NULL,
     statement TEXT NOT NULL
   ) STRICT;
   CREATE INDEX build_provenance_by_image ON build_provenance (image)`,
];
/** Of the statements that were made last so many stay. */
const KEPT = 5000;

/** Statements about images that were built here. */
export class ProvenanceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    database.migrate("build_provenance", STEPS);
  }

  add(image: Digest, statement: string): Digest {
    const digest = digestOf(statement);
    this.#database.write(() => {
      this.#database.run(
        "INSERT OR IGNORE INTO build_provenance (digest, image, statement) VALUES (?, ?, ?)",
        ...[digest, image, statement],
      );
      this.#database.run(
        "DELETE FROM build_provenance WHERE number <= (SELECT max(number) FROM build_provenance) - ?",
        KEPT,
      );
    });
    return digest;
  }

  /** Of an image, the newest first; or the one of a digest. */
  find(imageOrDigest: Digest): readonly string[] {
    return this.#database
      .all<{ statement: string }>(
        "SELECT statement FROM build_provenance WHERE image = ? OR digest = ? ORDER BY number DESC",
        ...[imageOrDigest, imageOrDigest],
      )
      .map(({ statement }) => statement);
  }
}
