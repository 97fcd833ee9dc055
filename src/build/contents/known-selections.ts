import type { Digest } from "../../lib/index.ts";
import type { Database } from "../../store/index.ts";

const STEPS = [
  `CREATE TABLE build_selections (
     chosen TEXT PRIMARY KEY, digest TEXT NOT NULL, used_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
];
const REMEMBERED_MAX = 20_000;
const ONE_DAY_MS = 86_400_000;

/**
 * Digests of what was selected of layers. Layers never change, so that what was once read of them need not be read again: to
 * know whether `COPY --from` has something new to do takes no mount.
 */
export class KnownSelections {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    database.migrate("build_selections", STEPS);
  }

  /** @param chosen a digest of the layers and of what is chosen of them */
  find(chosen: Digest): Digest | undefined {
    const row = this.#database.get<{ digest: Digest; used_ms: number }>(
      "SELECT digest, used_ms FROM build_selections WHERE chosen = ?",
      chosen,
    );
    if (row === undefined) return undefined;
    const now = Date.now();
    if (now - row.used_ms > ONE_DAY_MS) {
      this.#database.run("UPDATE build_selections SET used_ms = ? WHERE chosen = ?", now, chosen);
    }
    return row.digest;
  }

  add(chosen: Digest, digest: Digest): void {
    this.#database.write(() => {
      this.#database.run(
        "INSERT OR REPLACE INTO build_selections VALUES (?, ?, ?)",
        chosen,
        digest,
        Date.now(),
      );
      const { count } = this.#database.get<{ count: number }>(
        "SELECT count(*) AS count FROM build_selections",
      )!;
      if (count <= REMEMBERED_MAX) return;
      this.#database.run(
        `DELETE FROM build_selections WHERE chosen IN
           (SELECT chosen FROM build_selections ORDER BY used_ms LIMIT ?)`,
        REMEMBERED_MAX / 10,
      );
    });
  }
}
